"""Walk towards success with as few changed pixels as may be: by a smooth count of pixels and a threshold."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch
from unfooled.core.pixels import spread, summed
from unfooled.core.rows import wide
from unfooled.core.threat import Ball

from .keeper import Keeper
from .shrink import BEYOND, cosine
from .transforms import chained

_STEP = cosine(1.0, 0.1)
_SIGMA = 1e-3
_THRESHOLD, _THRESHOLD_STEP = 0.3, 0.05
_FADING, _FADING_SQUARES = 0.9, 0.999  # of Adam


class _Walk(NamedTuple):
    """The state of each example, (r, ...): the free point may lie outside the ball, what is shown never does."""

    owner: Tensor
    free: Tensor
    mean: Tensor
    square: Tensor
    threshold: Tensor

    def rows(self, index: Tensor) -> _Walk:
        return _Walk(*(field[index] for field in self))


def walk_sparsely(keeper: Keeper[Ball], steps: int) -> None:
    """Climb the margin by Adam, lowering a smooth count of changed pixels all the while; small changes are undone.

    The count is the sum of s^2 / (s^2 + sigma) over pixels that have moved by s, in shares of the range. From the goal
    on, only the count matters. The threshold below which a pixel is restored rises after a success and falls after a
    failure. The first point shown is where the margin, linearised at x, crosses the boundary.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        steps: Steps of each example, 1 or more.
    """
    problem = keeper.problem
    within, clean = problem.within, chained((), len(problem.x))

    def objective(outputs: Tensor, owner: Tensor) -> Tensor:
        return problem.goal.margin(Scores(outputs), problem.y[owner])

    owner = keeper.open()
    if not len(owner):
        return
    x_t = problem.beginning(owner)
    none = torch.zeros_like(x_t.values)
    walk = _Walk(owner, x_t.values, none, none, torch.full(owner.shape, _THRESHOLD, device=owner.device))
    for k in range(steps):
        seen = problem.target.gradient(x_t, objective, walk.owner)
        going_on = keeper.keep(walk.owner, x_t, seen.loss, seen.answer)
        reached = problem.reached(seen.answer, walk.owner)[going_on]
        grad, margin = clean(seen.grad, walk.owner)[going_on], seen.loss.double()[going_on]
        walk = walk.rows(going_on)
        if not len(walk.owner):
            return
        x = problem.x.rows(walk.owner)
        walk = _stepped(within, walk, x, grad, reached=reached, k=k, step=_STEP(k / steps))
        crossed = k == 0  # the free point moves far at first: it sees more from there, but less is enough
        x_t = within.cross(x, grad, BEYOND * margin.neg().clamp(min=0)) if crossed else x.holding(walk.free)
        x_t = within.project(x_t, x)
    last = problem.target.losses(x_t, objective, walk.owner)
    keeper.keep(walk.owner, x_t, last.loss, last.answer)


def _stepped(within: Ball, walk: _Walk, x: Batch, grad: Tensor, *, reached: Tensor, k: int, step: float) -> _Walk:
    """Take a step of Adam with a gradient whose largest value is 1, and restore the pixels that moved too little."""
    span = within.high - within.low
    delta = (walk.free - x.values) / span
    size = summed(delta.square())
    fewer = -2 * _SIGMA / size.shape[1] * delta / spread(size + _SIGMA, delta).square()
    ascent = fewer + torch.where(wide(reached, grad), 0.0, span * grad)
    ascent = ascent / wide(ascent.flatten(1).abs().amax(dim=1).clamp(min=1e-12), ascent)
    mean = _FADING * walk.mean + (1 - _FADING) * ascent
    square = _FADING_SQUARES * walk.square + (1 - _FADING_SQUARES) * ascent.square()
    typical = (square / (1 - _FADING_SQUARES ** (k + 1))).sqrt() + 1e-8
    moved = x.holding(walk.free + span * step / (1 - _FADING ** (k + 1)) * mean / typical)
    reachable = within.resized(math.inf).project(moved, x).values
    threshold = (walk.threshold + torch.where(reached, _THRESHOLD_STEP, -_THRESHOLD_STEP) * step).clamp(min=0)
    stays = summed(((reachable - x.values) / span).square()) >= threshold.square().unsqueeze(1)
    return _Walk(walk.owner, torch.where(spread(stays, grad), reachable, x.values), mean, square, threshold)
