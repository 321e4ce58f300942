"""Step across the boundary, then on its normal through x, and again: how DeepFool comes to the nearest boundary."""

from __future__ import annotations

import torch
from torch import Tensor

from unfooled.core.answer import Scores
from unfooled.core.rows import inner, total, wide
from unfooled.core.threat import Ball

from .keeper import Keeper
from .polish import beyond
from .transforms import chained

_ACROSS = 0.1  # of the way so far goes beyond the plane: where scores bend, who aims at it falls short each time
_SETTLED = 1e-4  # of the distance: less is no gain


def alternate(keeper: Keeper[Ball], steps: int) -> None:
    """Look for the nearest success by steps across the boundary and projections on its normal.

    Each step linearises the margin where it stands. Before the goal it goes the nearest way across that plane, a
    little too far; beyond it, to the plane's nearest point to x, or twice as far as long as the carrier can hold no
    success. From the first success on, no point is further than the nearest one: where the margin is level, a plane
    may lie anywhere. An example leaves once the plane knows no nearer point.

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
        grad, lacking, far = clean(seen.grad, owner), beyond(seen.answer, seen.loss), keeper.distance(owner)
        reached = problem.reached(seen.answer, owner)
        across = reached & far.isfinite()  # what the carrier cannot hold is no success
        gained = inner(grad, x_t.values.double() - x.values.double())
        more = gained.clamp(min=0) * torch.where(reached, 1.0, _ACROSS)
        nearest = within.cross(x, grad, gained + lacking)
        ahead = within.cross(x_t, grad, (lacking.clamp(min=0) + more).maximum(least(within, grad)))
        going_on &= ~(across & (within.distance(nearest, x) > (1 - _SETTLED) * within.distance(x_t, x)))
        moved = x.holding(torch.where(wide(across, grad), nearest.values, ahead.values))
        x_t = within.project(moved, x, far.clamp(max=within.radius))
        owner, x, x_t = owner[going_on], x.rows(going_on), x_t.rows(going_on)
    if len(owner):
        last = target.losses(x_t, objective, owner)
        keeper.keep(owner, x_t, last.loss, last.answer)


def least(within: Ball, grad: Tensor) -> Tensor:
    """Tell how much a millionth of the range gains, (r,): where x lies on the boundary, searches go so far at least."""
    return 1e-6 * (within.high - within.low) * total(grad.abs())
