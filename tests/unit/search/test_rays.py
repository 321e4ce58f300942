"""RayS: on linear models its distance is the closed form, and far from the corner that it begins with."""

from __future__ import annotations

import math

import torch
from oracles import Watching, linear_case, linear_distance
from torch import Tensor

from unfooled.attacks.rays import RayS
from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import Ball
from unfooled.goals import Become, Misclassify
from unfooled.sets.linf import Linf
from unfooled.sets.masked import Masked
from unfooled.zoo.small import linear

WEIGHTS, BIAS, X, Y = linear_case(6, 2, (1, 5, 5), seed=3, scale=4.0)
EXAMPLES = Batch(X, torch.arange(6))


def posed(within: Ball, y: Tensor = Y, **more: int) -> tuple[Watching, Problem[Ball]]:
    model = Watching(linear(WEIGHTS, BIAS))
    target = Target(model, Access.DECISION, 6, **more)
    return model, Problem(target, EXAMPLES, y, Misclassify(), within, Draws.of(0))


def test_the_distance_is_the_closed_form() -> None:
    for allowed in (None, torch.arange(25).view(5, 5) % 3 < 2):
        known = linear_distance(WEIGHTS, BIAS, X, Y, "linf", allowed=allowed)
        assert known.max() < 0.29, "far from the box's walls"
        within: Ball = Linf(math.inf)
        within = within if allowed is None else Masked(within, Region.of(allowed))
        _, problem = posed(within)
        found = RayS(queries=1000)(problem)
        assert found.reached.all()
        assert within.contains(found.x_adv, EXAMPLES).all()
        far = within.distance(found.x_adv, EXAMPLES)
        assert (far >= known * (1 - 1e-6)).all()
        assert (far <= known * 1.01).all()


def test_a_radius_tells_who_falls() -> None:
    """It asks beyond the radius, and hands back only what lies within."""
    known = linear_distance(WEIGHTS, BIAS, X, Y, "linf")
    within = Linf(float(known.median()) * 1.02)
    model, problem = posed(within)
    found = RayS(queries=1000)(problem)
    assert torch.equal(found.reached, known < within.radius)
    assert 0 < int(found.reached.sum()) < 6
    assert within.contains(found.x_adv, EXAMPLES).all()
    asked = torch.cat([(point.values - X[point.ids]).abs().flatten(1).amax(dim=1) for point in model.points])
    assert asked.max() > within.radius


def test_a_query_is_a_query_and_the_wrong_pay_one() -> None:
    y = torch.where(torch.arange(6) < 2, 1 - Y, Y)
    model, problem = posed(Linf(math.inf), y, budget=50)
    found = RayS()(problem)
    assert problem.target.spent.queries.tolist() == [1, 1, 50, 50, 50, 50]
    assert model.rows == 202
    assert model.sizes == [6] + [4] * 49
    assert found.reached.all()
    assert torch.equal(found.x_adv.values[:2], X[:2])
    assert found.x_adv.values.isfinite().all()


def test_what_can_never_fall_is_left_alone() -> None:
    _, problem = posed(Linf(math.inf))
    never = Problem(problem.target, EXAMPLES, Y, Become(7), problem.within, problem.draws)
    found = RayS(queries=200)(never)
    assert not found.reached.any()
    assert torch.equal(found.x_adv.values, X)
    assert (problem.target.spent.queries == 200).all()
