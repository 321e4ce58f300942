"""Walk towards success with as few changed pixels as may be: by a smooth count of pixels and a threshold."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.pixels import spread, summed
from unfooled.core.rows import wide
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .shrink import cosine
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


def walk_sparsely(keeper: Keeper[Ball], loss: Loss, steps: int) -> None:
    """Climb by Adam while the loss wants it, else lower a smooth count of pixels; small changes are undone each time.

    The count takes s^2 / (s^2 + sigma) for a pixel that has moved by s, in shares of the range. The threshold below
    which a pixel is restored rises after a success and falls after a failure.

    Costs at most steps + 1 forwards and `steps` backwards an example.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        loss: What to climb.
        steps: Steps of each example, 1 or more.
    """
    problem = keeper.problem
    within, objective, clean = problem.within, problem.objective(loss), chained((), len(problem.x))
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
        grad = clean(seen.grad, walk.owner)[going_on]
        walk = walk.rows(going_on)
        if not len(walk.owner):
            return
        x = problem.x.rows(walk.owner)
        walk = _stepped(within, walk, x, grad, reached, k, _STEP(k / steps))
        x_t = within.project(x.holding(walk.free), x)
    last = problem.target.losses(x_t, objective, walk.owner)
    keeper.keep(walk.owner, x_t, last.loss, last.answer)


def _stepped(within: Ball, walk: _Walk, x: Batch, grad: Tensor, reached: Tensor, k: int, step: float) -> _Walk:
    span = within.high - within.low
    delta = (walk.free - x.values) / span
    size = summed(delta.square())
    falling = -2 * _SIGMA / size.shape[1] * delta / spread(size + _SIGMA, delta).square()
    ascent = falling + torch.where(wide(reached, grad), 0.0, span * grad)
    ascent = ascent / wide(ascent.flatten(1).abs().amax(dim=1).clamp(min=1e-12), ascent)
    mean = _FADING * walk.mean + (1 - _FADING) * ascent
    square = _FADING_SQUARES * walk.square + (1 - _FADING_SQUARES) * ascent.square()
    settled = (square / (1 - _FADING_SQUARES ** (k + 1))).sqrt() + 1e-8
    moved = walk.free + span * step / (1 - _FADING ** (k + 1)) * mean / settled
    reachable = within.resized(math.inf).project(x.holding(moved), x).values
    change = torch.where(reached, _THRESHOLD_STEP, -_THRESHOLD_STEP) * step
    threshold = (walk.threshold + change).clamp(min=0)
    large = summed(((reachable - x.values) / span).square()) >= threshold.square().unsqueeze(1)
    return _Walk(walk.owner, torch.where(spread(large, grad), reachable, x.values), mean, square, threshold)
