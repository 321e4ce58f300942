"""Look for the nearest success by climbs inside a ball whose radius is bisected."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner
from unfooled.core.threat import Ball, Loss

from .apgd import climb_adaptively
from .keeper import Keeper
from .polish import beyond
from .transforms import chained

_WIDER = 3.0  # times the radius of a climb that failed, as long as there is no success
_LEAST = 1e-4  # of the furthest that one can go: where x lies on the boundary itself, a ball has some size all the same
_FURTHER = 1.5  # times as far as the boundary seems to be: it bends away more often than not


def bisect(keeper: Keeper[Ball], loss: Loss, steps: int, climbs: int) -> None:
    """Climb in balls of several radii, each example by itself.

    The first ball reaches beyond the boundary as it seems from the clean example. After a failure the ball is thrice
    as large; once there is a success, it lies halfway between the largest that failed and the nearest success, and
    the climb begins at that success, drawn back into the ball.

    Costs at most climbs * (steps + 1) + 1 forwards and climbs * steps + 1 backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        loss: What to climb.
        steps: Steps of one climb, 1 or more.
        climbs: How many balls are tried, 1 or more.
    """
    problem = keeper.problem
    within, everyone = problem.within, problem.everyone()
    most = torch.full_like(keeper.distance(everyone), within.radius)
    radius = torch.minimum(_FURTHER * _seeming(keeper, loss), most)
    failed = torch.zeros_like(radius)
    for _ in range(climbs):
        before = keeper.distance(everyone)

        def begin(x: Batch, radius: Tensor = radius) -> Batch:
            owner = keeper.open()
            return within.project(keeper.proposals(owner), x, radius[owner])

        climb_adaptively(keeper, loss, steps, begin, radius=radius)
        far = keeper.distance(everyone)
        failed = torch.where(far < before, failed, radius)
        radius = torch.minimum(torch.where(far.isinf(), _WIDER * radius, (failed + far) / 2), most)


def _seeming(keeper: Keeper[Ball], loss: Loss) -> Tensor:
    """Tell how far the boundary seems to be from each clean example, (n,)."""
    problem = keeper.problem
    far, owner = torch.zeros_like(keeper.distance(problem.everyone())), keeper.open()
    if not len(owner):
        return far
    x, x_t = problem.x.rows(owner), problem.beginning(owner)
    seen = problem.target.gradient(x_t, problem.objective(loss), owner)
    keeper.keep(owner, x_t, seen.loss, seen.answer)
    grad = chained((), 0)(seen.grad, owner)
    margin = problem.goal.margin(seen.answer, problem.y[owner])
    gap = inner(grad, x_t.values.double() - x.values.double()) + beyond(seen.answer, margin)
    ways = (problem.within.cross(x, grad, one) for one in (gap, torch.full_like(gap, torch.inf)))
    seeming, most = (problem.within.distance(way, x) for way in ways)
    far[owner] = seeming.maximum(_LEAST * most)
    return far
