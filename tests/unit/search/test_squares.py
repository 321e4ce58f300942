"""Square: on linear models it comes to the closed form, it pays what it says, and windows lie where they may."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from oracles import Watching, linear_case
from torch import Tensor

from unfooled.attacks.square import Square
from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball
from unfooled.goals import Misclassify
from unfooled.search.windows import Window, ends, frame, hills
from unfooled.sets.grammar import BALLS
from unfooled.sets.l2 import L2
from unfooled.sets.linf import Linf
from unfooled.sets.masked import Masked
from unfooled.zoo.small import linear

SHAPE = (1, 5, 5)


def posed(model: Watching, x: Batch, y: Tensor, within: Ball, **more: Any) -> Problem[Ball]:
    target = Target(model, Access.SCORES, len(x), **more)
    return Problem(target, x, y, Misclassify(), within, Draws.of(0, "squares"))


def two_classes() -> tuple[Watching, Batch, Tensor, Tensor, Tensor]:
    """A linear model, examples in the middle of the box, their labels, the slope and the size of the clean margin."""
    weights, bias, x, y = linear_case(4, 2, SHAPE, seed=3, scale=4.0)
    slope = weights[1 - y] - weights[y]
    clean = (slope * x).flatten(1).sum(dim=1) + bias[1 - y] - bias[y]
    return Watching(linear(weights, bias)), Batch(x, torch.arange(4)), y, slope, clean


@pytest.mark.parametrize(
    ("kind", "share", "best"),
    [
        ("linf", 1 - 1e-4, lambda slope: slope.abs().sum(dim=1)),
        ("l2", 0.65, lambda slope: slope.norm(dim=1)),
        ("l1", 0.5, lambda slope: slope.abs().amax(dim=1)),
    ],
)
def test_it_climbs_to_the_closed_form(kind: str, share: float, best: Any) -> None:
    """In Linf to the very corner; in L2 and L1 its smallest window holds 9 of the 25 values."""
    model, x, y, slope, clean = two_classes()
    radius = 0.5 * float((-clean / best(slope.flatten(1))).min())  # nothing falls
    within = BALLS[kind](radius, 0.0, 1.0)
    found = Square(queries=800)(posed(model, x, y, within))
    assert not found.reached.any()
    assert (found.loss - clean >= share * radius * best(slope.flatten(1))).all()
    assert (found.loss - clean <= (1 + 1e-4) * radius * best(slope.flatten(1))).all()
    if kind == "linf":
        assert torch.allclose(found.x_adv.values, x.values + radius * slope.sign(), atol=1e-6)


def test_an_example_pays_until_it_falls_and_not_a_query_more() -> None:
    model, x, y, slope, clean = two_classes()
    smallest = -clean / slope.flatten(1).abs().sum(dim=1)
    within = Linf(1.2 * float(smallest.median()))
    problem = posed(model, x, y, within)
    found = Square(queries=300)(problem)
    spent = problem.target.spent.queries
    assert 0 < int(found.reached.sum()) < len(x)
    assert (spent[~found.reached] == 300).all()
    assert (spent[found.reached] < 300).all()
    for row in range(len(x)):
        asked = [values[ids == row] for values, ids in ((point.values, point.ids) for point in model.points)]
        fell = [bool(model.function(one).argmax(dim=1) != y[row]) for one in asked if len(one)]
        assert len(fell) == int(spent[row])
        assert fell == [False] * (len(fell) - 1) + [bool(found.reached[row])]


def test_the_schedule_is_scaled_to_what_an_example_can_pay() -> None:
    """A budget of 60 asks the same as 60 queries, whatever the setting; who paid before has fewer and smaller ones."""
    model, x, y, _, _ = two_classes()
    within = Linf(1e-3)
    asked = []
    for queries, budget in ((60, None), (5000, 60)):
        problem = posed(model, x, y, within, budget=budget)
        Square(queries=queries)(problem)
        assert (problem.target.spent.queries == 60).all()
        asked.append(torch.stack([point.values for point in model.points]))
        model.points.clear()
    assert torch.equal(*asked)
    already = torch.tensor([0, 30, 60, 59])
    problem = posed(model, x, y, within, budget=60, already=already)
    found = Square()(problem)
    assert torch.equal(problem.target.spent.queries, 60 - already)
    assert torch.equal(found.x_adv.values[2], x.values[2])


def test_every_query_of_linf_is_another_point_and_changes_one_window() -> None:
    """On a flat model, which stays at its stripes; a square of 0.8 of 36 pixels is cut to the picture's height."""
    x = Batch(torch.full((3, 3, 4, 9), 0.5), torch.tensor([4, 5, 6]))
    model = Watching(lambda values: torch.tensor([[0.0, -9.0]]).repeat(len(values), 1))
    Square(queries=1000)(posed(model, x, torch.zeros(3, dtype=torch.int64), Linf(0.1)))
    begun, *asked = (point.values for point in model.points)
    assert ((begun - 0.5).abs() > 0.099).all()
    assert torch.equal(begun, begun[:, :, :1].expand_as(begun)), "stripes"
    heights, widths = [], []
    for values in asked:
        assert ((values - 0.5).abs() > 0.099).all()
        changed = (values != begun).any(dim=1)
        for one in changed:
            rows, columns = (one.any(dim=axis).nonzero().flatten() for axis in (1, 0))
            heights.append(int(rows[-1] - rows[0]) + 1)  # fails where nothing changed
            widths.append(int(columns[-1] - columns[0]) + 1)
    assert heights[:3] == [4, 4, 4]
    assert max(widths[:3]) <= 5
    assert max(widths) > 1
    assert set(heights[-300:]) == set(widths[-300:]) == {1}


def test_windows_lie_in_what_is_real_and_allowed() -> None:
    waves = Batch(torch.zeros(2, 12), torch.tensor([1, 2]), torch.tensor([12, 5]))
    lowest, highest = ends(Linf(0.5, -1.0, 1.0), waves, limited=False)
    around = frame((lowest != highest).unsqueeze(1))
    assert (around.begin.tolist(), around.side.tolist()) == ([[0], [0]], [[12], [5]])
    mask = torch.zeros(6, 8)
    mask[2:5, 3:5] = 1
    sticker = Masked(L2(1.0), Region.of(mask))
    lowest, highest = ends(sticker, Batch(torch.rand(2, 3, 6, 8), torch.arange(2)), limited=False)
    around = frame(lowest != highest)
    assert (around.begin[0].tolist(), around.side[0].tolist()) == ([2, 3], [3, 2])
    side = torch.tensor([[2, 1], [3, 2]])
    seen = set()
    for lots in (torch.full((2, 2), 0.0), torch.full((2, 2), 0.5), torch.full((2, 2), 1 - 2**-24)):
        window = around.placed(side, lots)
        seen.add(tuple(window.begin[0].tolist()))
        inside = window.mask(torch.zeros(2, 3, 6, 8))
        assert inside.flatten(1).sum(dim=1).tolist() == [2, 6]
        assert not (inside & (mask == 0)).any()
    assert seen == {(2, 3), (3, 4)}


def test_hills_are_two_of_opposite_sign_and_highest_in_their_middles() -> None:
    window = Window(torch.tensor([[1, 2], [1, 2]]), torch.tensor([[7, 7], [7, 7]]))
    like = torch.zeros(2, 1, 9, 10)
    made = hills(window.offsets(like), window.side, torch.tensor([0, 1])) * window.mask(like)
    assert torch.equal(made[0, 0, 1:8, 2:9], made[1, 0, 1:8, 2:9].T), "the other axis is the other way round"
    one = made[0, 0, 1:8, 2:9]
    assert (one[:3] >= 0).all()
    assert (one[3:] <= 0).all()
    peak = sum(1 / j**2 for j in range(1, 5))
    assert math.isclose(float(one[1, 3]), peak, rel_tol=1e-6)
    assert math.isclose(float(one[1, 2]), peak - 1, rel_tol=1e-6)
    assert math.isclose(float(one[5, 3]), -peak, rel_tol=1e-6)
    assert int((one.abs() == one.abs().max()).sum()) == 2


def test_windows_become_smaller_over_the_queries_of_the_schedule() -> None:
    """One for ten times as many queries, as AutoAttack has one for twice as many, ends with larger windows."""
    sizes = {}
    for schedule in (None, 40, 400):
        model, x, y, _, _ = two_classes()
        Square(queries=40, schedule=schedule)(posed(model, x, y, Linf(1e-4)))
        assert model.rows == 40 * len(x), "how many are asked is another matter"
        moved = [(one.values - two.values).abs().gt(1e-7).flatten(1).sum(dim=1) for one, two in
                 itertools.pairwise(model.points[-8:])]  # fmt: skip
        sizes[schedule] = int(torch.stack(moved).sum())
    assert sizes[None] == sizes[40] < sizes[400]
