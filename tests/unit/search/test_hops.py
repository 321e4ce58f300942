"""HopSkipJump on a linear model, where the nearest success is known in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from unfooled.attacks.hop_skip_jump import HopSkipJump
from unfooled.core.attack import Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball
from unfooled.goals import Misclassify
from unfooled.models.classifier import wrap
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf

IDS = torch.tensor([7, 2**61 + 3, 12, 5])


class Counting(nn.Module):
    """Two classes by a linear score over (n, 1, 4, 4); notes the rows of each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.randn(16, generator=torch.Generator().manual_seed(1)))
        self.passes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.passes.append(len(x))
        score = (x.flatten(1) - 0.5) @ self.slope - 0.3
        return torch.stack([-score, score], dim=1)


def run(
    attack: HopSkipJump, within: Ball, *, budget: int | None = None, rows: Tensor | None = None
) -> tuple[Found, Target, Counting]:
    net = Counting().eval()
    x = Batch(0.5 + 0.05 * torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(2)), IDS)
    x = x.rows(torch.arange(4) if rows is None else rows)
    y = net(x.values).argmax(dim=1)
    net.passes.clear()
    target = Target(wrap(net), Access.DECISION, len(x), budget=budget)

    return attack(Problem(target, x, y, Misclassify(), within, Draws.of(0, "hops"))), target, net


@pytest.mark.parametrize(("within", "dual"), [(L2(math.inf), 2), (Linf(math.inf), 1)])
def test_it_comes_near_the_closest_point_of_a_plane(within: Ball, dual: int) -> None:
    found, _, net = run(HopSkipJump(queries=2000), within)
    x = 0.5 + 0.05 * torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(2))
    gap = net(x).diff(dim=1).flatten().abs() / 2
    exact = gap / net.slope.norm(p=dual)
    far = (found.x_adv.values - x).flatten(1).norm(p=2 if dual == 2 else math.inf, dim=1)
    assert found.reached.all()
    assert (far >= exact * 0.999).all()
    assert (far <= exact * 1.1).all(), far / exact


@pytest.mark.parametrize("queries", [1, 2, 7, 150, 333])
def test_it_asks_exactly_what_it_may(queries: int) -> None:
    _, target, _ = run(HopSkipJump(queries=queries), L2(math.inf))
    assert target.spent.queries.tolist() == [queries] * 4
    _, target, _ = run(HopSkipJump(), L2(math.inf), budget=queries)
    assert target.spent.queries.tolist() == [queries] * 4, "the threat's budget binds too"


def test_probes_of_all_examples_are_one_pass() -> None:
    _, _, net = run(HopSkipJump(queries=2000), L2(math.inf))
    assert max(net.passes) >= 4 * 100
    assert len(net.passes) < 2000 / 10


def test_an_example_does_not_hang_on_its_neighbours() -> None:
    whole, _, _ = run(HopSkipJump(queries=300), L2(math.inf))
    for row in range(4):
        alone, _, _ = run(HopSkipJump(queries=300), L2(math.inf), rows=torch.tensor([row]))
        assert torch.equal(alone.x_adv.values[0], whole.x_adv.values[row])


def test_one_that_is_misread_from_the_start_costs_one_query() -> None:
    net = Counting().eval()
    x = Batch(torch.full((1, 1, 4, 4), 0.5), IDS[:1])
    y = 1 - net(x.values).argmax(dim=1)
    target = Target(wrap(net), Access.DECISION, 1)
    found = HopSkipJump()(Problem(target, x, y, Misclassify(), L2(math.inf), Draws.of(0, "hops")))
    assert target.spent.queries.tolist() == [1]
    assert torch.equal(found.x_adv.values, x.values)


def test_it_says_when_it_first_succeeded() -> None:
    found, target, _ = run(HopSkipJump(queries=500), L2(math.inf))
    assert found.asked is not None
    assert ((found.asked > 1) & (found.asked < target.spent.queries)).all()
    short, _, _ = run(HopSkipJump(queries=int(found.asked[0])), L2(math.inf), rows=torch.tensor([0]))
    shorter, _, _ = run(HopSkipJump(queries=int(found.asked[0]) - 1), L2(math.inf), rows=torch.tensor([0]))
    assert short.reached[0]
    assert not shorter.reached[0]
