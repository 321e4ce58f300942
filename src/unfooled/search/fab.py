"""Step to where the boundary seems to be, between the nearest way there and the nearest point to x: the loop of FAB."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner, wide
from unfooled.core.threat import Ball, Loss

from .deepfool import least
from .keeper import Keeper
from .transforms import chained


class Pace(NamedTuple):
    """How the loop steps.

    Attributes:
        share: Most that the plane's nearest point to x counts beside its nearest point to where the search stands.
        across: How far steps go, as a multiple of the way to the plane: more than 1 leads beyond.
        back: How much of a success's change is left after it was drawn back towards x.
    """

    share: float
    across: float
    back: float


def step_to_boundary(keeper: Keeper[Ball], loss: Loss, steps: int, pace: Pace, *, toward: Tensor) -> None:
    """Look for the nearest success by steps to the plane that stands for the boundary with one other class.

    A success is drawn back towards x and the plane taken there, so that the search stays on this side of the
    boundary, ever nearer to x.

    Costs at most 2 * steps + 1 forwards and 2 * steps backwards an example, half of it before the first success.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        loss: Zero on the boundary, such as the margin.
        steps: Steps of each example, 1 or more.
        pace: How to step.
        toward: The class of each of the n examples, (n,).
    """
    problem = keeper.problem
    objective = problem.objective(loss, toward)
    owner = keeper.open()
    x, x_t = problem.x.rows(owner), problem.beginning(owner)
    for _ in range(steps):
        if not len(owner):
            return
        seen = problem.target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        reached, held = problem.reached(seen.answer, owner), keeper.distance(owner).isfinite()
        stood, grad, level, again = x_t, seen.grad, seen.loss, going_on & reached & held
        if bool(again.any()):
            drawn = x.values + pace.back * (x_t.values - x.values)
            x_t = x.holding(torch.where(wide(again, grad), drawn, x_t.values))
            seen = problem.target.gradient(x_t.rows(again), objective, owner[again])
            grad[again], level[again] = seen.grad, seen.loss
            going_on[again] = keeper.keep(owner[again], x_t.rows(again), seen.loss, seen.answer)
        moved = _stepped(problem.within, x, x_t, chained((), 0)(grad, owner), level, pace=pace)
        lost = reached & ~held  # what the carrier cannot hold must lie further beyond
        if bool(lost.any()):
            further = x.values + (stood.values - x.values) / pace.back
            moved = torch.where(wide(lost, grad), further, moved)
        x_t = problem.within.project(x.holding(moved), x)
        if not bool(going_on.all()):
            owner, x, x_t = owner[going_on], x.rows(going_on), x_t.rows(going_on)
    if len(owner):
        last = problem.target.losses(x_t, objective, owner)
        keeper.keep(owner, x_t, last.loss, last.answer)


def _stepped(within: Ball, x: Batch, x_t: Batch, grad: Tensor, level: Tensor, *, pace: Pace) -> Tensor:
    """Mix the steps from x_t and from x to the plane, the more of the second the nearer x is to the plane."""
    gap, nothing = -level.double(), least(within, grad)
    ours = _onto(within, x_t, grad, gap, nothing)
    clean = _onto(within, x, grad, gap + inner(grad, x_t.values - x.values), nothing)
    near, far = within.distance(ours, x_t), within.distance(clean, x)
    share = wide((near / (near + far).clamp(min=1e-12)).clamp(max=pace.share), grad).to(grad.dtype)
    ahead = x_t.values + pace.across * (ours.values - x_t.values)
    home = x.values + pace.across * (clean.values - x.values)
    return (1 - share) * ahead + share * home


def _onto(within: Ball, x: Batch, normal: Tensor, gap: Tensor, nothing: Tensor) -> Batch:
    """Find the nearest point to x on a plane, on whichever side of it x lies, `nothing` (r,) of a gap away at least."""
    side = torch.where(gap < 0, -1.0, 1.0)
    return within.cross(x, wide(side, normal).to(normal.dtype) * normal, gap.abs().maximum(nothing))
