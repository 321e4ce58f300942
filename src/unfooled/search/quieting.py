"""Look for the quietest success: climb by Adam, in a ball that shrinks at each success."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import length, wide
from unfooled.core.threat import Ball

from .keeper import Keeper


@dataclass(frozen=True)
class Pace:
    """How fast a search walks and its ball shrinks.

    Attributes:
        first: Size of the first step of a sample, as a share of the example's largest.
        later: Size to which steps fall, by 3 % each, while there is no success.
        patience: Steps without a success after which steps grow, by 1 % each.
        inner: Size of a step after the first success, as a share of the mean change of a sample; it falls by a cosine.
        last: What is left of it at the end, as a share.
        shrink: What a success leaves of the ball's radius.
        mean: How Adam's average of gradients fades.
        square: How its average of their squares does.
    """

    first: float = 0.004
    later: float = 0.002
    patience: int = 100
    inner: float = 0.12
    last: float = 0.1
    shrink: float = 0.95
    mean: float = 0.8
    square: float = 0.95

    def unfound(self, k: int) -> float:
        """Give the size of step k while there is no success."""
        return max(self.first * 0.97**k, self.later) * 1.01 ** max(0, k - self.patience)

    def found(self, share: float) -> float:
        """Give the size of a step after a success, when a share of all steps is done."""
        return self.inner * (self.last + (1 - self.last) * (1 + math.cos(math.pi * share)) / 2)


class _State(NamedTuple):
    """Where examples stand, (r, ...) each: points off the grid, Adam's averages, radii (r,)."""

    values: Tensor
    mean: Tensor
    square: Tensor
    radius: Tensor

    def rows(self, index: Tensor) -> _State:
        return _State(*(part[index] for part in self))


def quieten(keeper: Keeper[Ball], objective: Callable[[Tensor, Tensor], Tensor], steps: int, pace: Pace) -> None:
    """Climb an objective; what is found goes to the keeper, which looks for the nearest.

    Before its first success an example walks as far as its set lets it; then in a ball around x that shrinks at each
    success. Each point that the model is asked about is one that the carrier can hold.

    Costs at most `steps` forwards and backwards an example.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    owner = keeper.open()
    x, begin = problem.x.rows(owner), problem.beginning(owner).values
    peak = x.values.abs().flatten(1).amax(dim=1).double()
    state = _State(begin, torch.zeros_like(begin), torch.zeros_like(begin), torch.full_like(peak, torch.inf))
    for k in range(steps):
        if not len(owner):
            return
        x_t = problem.settle(x.holding(state.values), x)
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        reached, far = problem.reached(seen.answer, owner), within.distance(x_t, x)
        radius = torch.where(reached, torch.minimum(far, state.radius) * pace.shrink, state.radius)
        size = torch.where(radius.isfinite(), pace.found(k / steps) * _typical(x_t, x), pace.unfound(k) * peak[owner])
        state = _climbed(state._replace(radius=radius), seen.grad, size, k, pace)
        moved = within.project(x.holding(state.values), x, radius.clamp(max=within.radius))
        owner, x, state = owner[going_on], x.rows(going_on), state._replace(values=moved.values).rows(going_on)


def _typical(x_t: Batch, x: Batch) -> Tensor:
    """Measure the mean change of a sample, as the root of the mean square of all that are real, (r,) float64."""
    count = x.values[0].numel() if x.lengths is None else x.lengths * (x.values[0].numel() // x.values.shape[-1])
    return length(x_t.values - x.values) / count**0.5


def _climbed(state: _State, grad: Tensor, size: Tensor, k: int, pace: Pace) -> _State:
    """Go one step of Adam, of so large a size for each example, (r,)."""
    grad = grad.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    mean = pace.mean * state.mean + (1 - pace.mean) * grad
    square = pace.square * state.square + (1 - pace.square) * grad * grad
    spread = (square / (1 - pace.square ** (k + 1))).sqrt()
    least = wide(spread.flatten(1).amax(dim=1) * 1e-8 + 1e-30, grad)
    step = mean / (1 - pace.mean ** (k + 1)) / (spread + least)
    return state._replace(values=state.values + wide(size, grad).to(grad.dtype) * step, mean=mean, square=square)
