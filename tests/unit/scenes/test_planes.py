"""Homographies: each inverse is one, and points go where they should."""

import math

import pytest
import torch

from unfooled.scenes.planes import Planes, seen


def planes(n: int = 20) -> Planes:
    torch.manual_seed(0)
    tilt = torch.randn(n, 2)
    tilt = 0.6 * torch.rand(n, 1) * tilt / tilt.norm(dim=1, keepdim=True)
    return Planes(5 + 50 * torch.rand(n, 2), 360 * torch.rand(n), tilt, 200 * torch.rand(n, 2))


def moved(homography: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    points = torch.cat([q, torch.ones(len(q), 1)], dim=1).double() @ homography.T
    return points[:, :2] / points[:, 2:]


def test_backward_is_the_inverse() -> None:
    made = planes()
    torch.testing.assert_close(made.backward() @ made.forward(), torch.eye(3).double().expand(20, 3, 3))


def test_a_quarter_turn_puts_the_right_edge_below() -> None:
    made = Planes(torch.tensor([[30.0, 10.0]]), torch.tensor([90.0]), torch.zeros(1, 2), torch.tensor([[100.0, 50.0]]))
    found = moved(made.forward()[0], torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    expected = torch.tensor([[100.0, 80.0], [90.0, 50.0], [100.0, 50.0]]).double()
    torch.testing.assert_close(found, expected)


def test_a_tilted_disc_stays_inside_the_disc_that_it_was() -> None:
    made = planes()._replace(half=torch.full((20, 2), 40.0))
    round_ = torch.linspace(0, 2 * math.pi, 200)
    rim = torch.stack([round_.cos(), round_.sin()], dim=1)
    for homography, centre in zip(made.forward(), made.centre, strict=True):
        assert (moved(homography, rim) - centre).norm(dim=1).max() <= 40 + 1e-9


def test_pixels_see_what_the_inverse_says() -> None:
    backward = planes(3).backward()
    view = seen(backward, 6, 8)
    for row in range(3):
        found = torch.stack([view.u[row, 4, 7], view.v[row, 4, 7]])
        expected = moved(backward[row], torch.tensor([[7.5, 4.5]]))[0].float()
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("axis", [0, 1])
def test_slopes_are_the_derivatives(axis: int) -> None:
    backward = planes(4).backward()
    step = torch.eye(3).double()
    step[axis, 2] = 1e-3
    here, beside = seen(backward, 5, 5), seen(backward @ step, 5, 5)
    for one, other, slope in ((here.u, beside.u, 0 + axis), (here.v, beside.v, 2 + axis)):
        expected = here.slopes[slope].expand_as(one)
        torch.testing.assert_close((other - one) / 1e-3, expected, atol=2e-3, rtol=2e-2)
