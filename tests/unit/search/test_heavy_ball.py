"""Few long steps: as good as many on a linear model, never more passes than said, averaged gradients only early on."""

from __future__ import annotations

import torch
from oracles import linear_case, linear_distance

import unfooled
from unfooled.attacks.block_pgd import BlockPGD
from unfooled.search.transforms import averaged, chained
from unfooled.zoo.small import linear


def test_gradients_are_averaged_in_the_first_steps_alone() -> None:
    grad = torch.rand(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    update = chained((averaged(3, 2),), 3)
    owner = torch.arange(3)
    for _ in range(2):
        smooth = update(grad.clone(), owner)
        assert torch.allclose(smooth[:, :, 2, 3], grad[:, :, 1:4, 2:5].mean(dim=(2, 3)))
    assert torch.equal(update(grad.clone(), owner), grad)
    wave = torch.rand(3, 9)
    assert torch.allclose(chained((averaged(3, 1),), 3)(wave.clone(), owner)[:, 4], wave[:, 3:6].mean(dim=1))


def test_it_breaks_a_linear_model_just_beyond_the_closed_form_and_not_within() -> None:
    weights, bias, x, y = linear_case(24, 5, (1, 8, 8), seed=3)
    net = linear(weights, bias)
    for kind in ("linf", "l2"):
        far = linear_distance(weights, bias, x, y, kind)
        for row in range(0, 24, 6):
            for share, falls in ((1.05, True), (0.99, False)):
                radius = share * float(far[row])
                one = slice(row, row + 1)
                found = unfooled.attack(net, x[one], y[one], BlockPGD(), f"{kind}:{radius!r}")
                assert bool(found.reached[0]) == falls, (kind, row, share)
