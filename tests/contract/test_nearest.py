"""Laws of every attack that looks for the nearest success by gradients: it is found, and it stands clear."""

from __future__ import annotations

import math

import pytest
import torch
from oracles import linear_distance
from torch import Tensor

import unfooled
from unfooled.attacks import ATTACKS
from unfooled.core.batch import Batch
from unfooled.core.region import Region
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.sets.grammar import BALLS
from unfooled.sets.masked import Masked
from unfooled.zoo.small import linear

ROWS, SHAPE = 8, (1, 6, 6)
EXACT = [name for name, attack in ATTACKS.items() if attack.nearest and attack.needs is Access.GRADIENT]
ALLOWED = torch.arange(36).view(6, 6) % 3 < 2


def posed() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights (2, ...), bias (2,), x (n, ...) in the middle of the box and labels, of which no gap is a mere rounding.

    A success must stand clear of rounding: an example whose gap is far smaller than its scores pays for that.
    """
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(2, *SHAPE, generator=draw)
    bias = -weights.flatten(1).sum(dim=1) / 2
    x = 0.5 + 0.1 * (torch.rand(8 * ROWS, *SHAPE, generator=draw) - 0.5)
    scores = x.flatten(1) @ weights.flatten(1).T + bias
    gaps = (scores[:, 0] - scores[:, 1]).abs()
    clear = (gaps > 0.2 * scores.abs().amax(dim=1)).nonzero().flatten()[:ROWS]
    return weights, bias, x[clear], scores[clear].argmax(dim=1)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", ["linf", "l2", "l1"])
@pytest.mark.parametrize("name", EXACT)
def test_the_nearest_success_of_a_linear_model_is_found(name: str, kind: str, masked: bool) -> None:
    weights, bias, x, y = posed()
    known = linear_distance(weights, bias, x, y, kind, allowed=ALLOWED if masked else None)
    assert len(x) == ROWS
    assert 1e-4 < known.min() < known.max() < 0.4, "a change worth finding, far from the box's walls"
    within: Ball = BALLS[kind](math.inf, 0.0, 1.0)
    within = Masked(within, Region.of(ALLOWED)) if masked else within
    model = linear(weights, bias)
    found = unfooled.attack(model, x, y, name, within)
    assert found.reached.all()
    x_adv = found.x_adv.values
    clean = Batch(x, torch.arange(len(x)))
    assert within.contains(found.x_adv, clean).all()
    far = within.distance(found.x_adv, clean)
    assert (far >= known * (1 - 1e-6)).all(), "nothing is nearer than the closed form"
    assert (far <= known * (1 + 1e-3)).all()
    with torch.no_grad():
        together = model(x_adv).argmax(dim=1)
        alone = torch.cat([model(one).argmax(dim=1) for one in x_adv.split(1)])
    exact = x_adv.double().flatten(1) @ weights.double().flatten(1).T + bias.double()
    beyond = (exact.gather(1, 1 - y.unsqueeze(1)) - exact.gather(1, y.unsqueeze(1))).flatten()
    assert (together != y).all()
    assert (alone != y).all()
    assert (beyond > 1e-6 * exact.abs().amax(dim=1)).all(), "strictly inside the other class"
