"""Local gradient smoothing: what is smooth stays, what is busy turns dark, and the gradient goes through."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfooled.core.errors import InputError
from unfooled.defences import defence_named
from unfooled.defences.inputs.local_smoothing import LocalSmoothing

DEFENCE = LocalSmoothing()


def busy(side: int = 60) -> Tensor:
    """A smooth picture with a checkerboard in its middle."""
    x = torch.linspace(0.4, 0.6, side).expand(1, 3, side, side).clone()
    board = (torch.arange(20).view(-1, 1) + torch.arange(20)) % 2
    x[:, :, 20:40, 20:40] = board.float()
    return x


def test_the_busy_part_turns_dark_and_the_rest_stays() -> None:
    x = busy()
    shown = DEFENCE(nn.Identity())(x)
    assert shown[:, :, 20:39, 20:39].amax() == 0  # a gradient of full size times 2.3 is cut off at 1
    assert torch.allclose(shown[:, :, :12], x[:, :, :12], atol=0.02)
    assert torch.allclose(shown[:, :, 50:], x[:, :, 50:], atol=0.02)


def test_a_flat_picture_stays_as_it_is() -> None:
    x = torch.full((2, 1, 20, 20), 0.7)
    assert torch.equal(DEFENCE(nn.Identity())(x), x)


def test_a_single_edge_is_left_alone() -> None:
    x = torch.zeros(1, 1, 45, 45)
    x[..., :22] = 1.0  # one column in 15 of a window: a mean of 1 / 15 is below the threshold
    assert torch.equal(DEFENCE(nn.Identity())(x), x)
    assert not torch.equal(LocalSmoothing(threshold=0.05)(nn.Identity())(x), x)


def test_who_knows_it_climbs_straight_through() -> None:
    values = busy().requires_grad_()
    DEFENCE.seen(DEFENCE(nn.Identity()))(values).sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, torch.ones_like(values))


@pytest.mark.parametrize("settings", [{"overlap": 15}, {"threshold": 2}, {"strength": 0}, {"overlap": -1}])
def test_bad_settings(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="out of range"):
        defence_named("local-smoothing", **settings)
