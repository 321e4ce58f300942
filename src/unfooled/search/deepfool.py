"""Step across the boundary, then on its normal through x, and again: how DeepFool comes to the nearest boundary."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.core.answer import Scores
from unfooled.core.rows import inner, wide
from unfooled.core.threat import Ball

from .keeper import Keeper
from .polish import beyond
from .transforms import chained

_ACROSS = 1.02  # times the way to the plane: who aims at a boundary that bends away falls short of it each time
_SETTLED = 1e-4


def alternate(keeper: Keeper[Ball], steps: int) -> None:
    """Look for the nearest success by steps across the boundary and projections on its normal.

    Each step linearises the margin where it stands. Before the goal it goes the nearest way across that plane; beyond
    it, to the plane's nearest point to x. After the first success no point is further than the nearest one, since
    a plane may lie anywhere where the margin is level. An example leaves once the plane knows no nearer point.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        steps: Steps of each example, 1 or more.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    clean = chained((), len(problem.x))

    def objective(outputs: Tensor, owner: Tensor) -> Tensor:
        return problem.goal.margin(Scores(outputs), problem.y[owner])

    owner = keeper.open()
    x, x_t = problem.x.rows(owner), problem.beginning(owner)
    for _ in range(steps):
        if not len(owner):
            return
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        grad, lacking = clean(seen.grad, owner), beyond(seen.answer, seen.loss)
        across = problem.reached(seen.answer, owner)
        nearest = within.cross(x, grad, inner(grad, x_t.values.double() - x.values.double()) + lacking)
        ahead = within.cross(x_t, grad, _ACROSS * lacking)
        going_on &= ~(across & (within.distance(nearest, x) > (1 - _SETTLED) * within.distance(x_t, x)))
        moved = x.holding(torch.where(wide(across, grad), nearest.values, ahead.values))
        x_t = within.project(moved, x, keeper.distance(owner).clamp(max=within.radius))
        owner, x, x_t = owner[going_on], x.rows(going_on), x_t.rows(going_on)
    if len(owner):
        last = target.losses(x_t, objective, owner)
        keeper.keep(owner, x_t, last.loss, last.answer)
