"""Look for the quietest success: walk along the slope in a ball that shrinks at each success."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.rows import length, unit, wide
from unfooled.core.threat import Ball

from .keeper import Keeper


@dataclass(frozen=True)
class Pace:
    """How fast a search walks and its ball shrinks.

    Attributes:
        start: Length of a change as large as the first ball allows, as a share of the recording's length.
        widen: Radius of the first ball where a search goes on from another's point, as a multiple of its distance.
        first: Length of the first step, as a share of the largest change's in the ball.
        last: Length of the last step; between them it falls along half a cosine.
        shrink: What a success leaves of the radius.
        grow: Share that a failure before the first success adds to it.
        inertia: Share of the last direction that is kept.
        reshape: Whether a search goes on from a change that a set of another shape allowed: then steps follow the set's
            steepest direction in place of the slope, and are shares of the change as it is.
    """

    start: float = 0.15
    widen: float = 2.0
    first: float = 0.5
    last: float = 0.03
    shrink: float = 0.9
    grow: float = 0.01
    inertia: float = 0.9
    reshape: bool = False

    def step(self, share: float) -> float:
        """Give the length of a step when this share of all is done."""
        return self.last + (self.first - self.last) * (1 + math.cos(math.pi * share)) / 2


class _State(NamedTuple):
    delta: Tensor
    mean: Tensor
    radius: Tensor
    found: Tensor

    def rows(self, index: Tensor) -> _State:
        return _State(*(part[index] for part in self))


def quieten(keeper: Keeper[Ball], objective: Callable[[Tensor, Tensor], Tensor], steps: int, pace: Pace) -> None:
    """Walk up an objective; what is found goes to the keeper, which looks for the nearest.

    Every step follows the mean of the directions so far, so that a sample moves as far as it matters; the ball, which
    is of the set's own kind, only cuts off what reaches beyond it. It grows slowly until the first success, and shrinks
    at each. Each point is one that the carrier can hold.

    Costs at most `steps` forwards and backwards an example.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    owner = keeper.open()
    x = problem.x.rows(owner)
    x_t = problem.settle(problem.beginning(owner), x)
    radius = torch.zeros(len(owner), dtype=torch.float64, device=owner.device)
    state = _State(x_t.values - x.values, torch.zeros_like(x.values), radius, radius > 0)
    for k in range(steps):
        if not len(owner):
            return
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        size = length(within.steepest(seen.grad, x_t, x))  # of the largest change in a ball of radius 1
        far, own = within.distance(x_t, x), length(state.delta)
        if k == 0:
            radius = torch.where(far > 0, pace.widen * far, pace.start * length(x.values) / size.clamp(min=1e-300))
            state = state._replace(radius=radius)
        state = _resized(state, far, problem.reached(seen.answer, owner), within.radius, pace)
        grad = seen.grad.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        way = within.steepest(grad, x_t, x) if pace.reshape else grad
        mean = pace.inertia * state.mean + (1 - pace.inertia) * unit(way)
        size = torch.where(own > 0, own, state.radius * size) if pace.reshape else state.radius * size
        step = pace.step(k / steps) * size / (1 - pace.inertia ** (k + 1))
        delta = state.delta + wide(step, mean).to(mean.dtype) * mean
        x_t = within.project(x.holding(x.values + delta), x, state.radius)
        state = state._replace(delta=x_t.values - x.values, mean=mean)
        owner, x, x_t, state = owner[going_on], x.rows(going_on), x_t.rows(going_on), state.rows(going_on)
        x_t = problem.settle(x_t, x)


def _resized(state: _State, far: Tensor, reached: Tensor, most: float, pace: Pace) -> _State:
    """Shrink the ball below a success, and let it grow before the first."""
    grown = torch.where(state.found, state.radius, state.radius * (1 + pace.grow))
    radius = torch.where(reached, torch.minimum(state.radius, far) * pace.shrink, grown)
    return state._replace(radius=radius.clamp(max=most), found=state.found | reached)
