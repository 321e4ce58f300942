"""Look for the quietest success: walk along the slope in a ball that shrinks at each success."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.rows import length, wide
from unfooled.core.threat import Ball

from .keeper import Keeper


@dataclass(frozen=True)
class Pace:
    """How fast a search walks and its ball shrinks.

    Attributes:
        first: Length of a step before the first success, as a share of the recording's length.
        inner: Length of a step after it, as a share of the ball's radius; it falls to a tenth of that.
        shrink: What a success leaves of the radius.
        grow: What a failure adds to it, as a share of what a success takes.
        inertia: Share of the last direction that is kept.
    """

    first: float = 0.004
    inner: float = 0.3
    shrink: float = 0.95
    grow: float = 0.25
    inertia: float = 0.8


class _State(NamedTuple):
    delta: Tensor
    mean: Tensor
    radius: Tensor

    def rows(self, index: Tensor) -> _State:
        return _State(*(part[index] for part in self))


def quieten(keeper: Keeper[Ball], objective: Callable[[Tensor, Tensor], Tensor], steps: int, pace: Pace) -> None:
    """Walk up an objective; what is found goes to the keeper, which looks for the nearest.

    Before its first success an example walks as far as its set lets it; then inside a ball that shrinks at each success
    and grows a little at each failure, with steps that shrink too. Each point is one that the carrier can hold.

    Costs at most `steps` forwards and backwards an example.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    owner = keeper.open()
    x = problem.x.rows(owner)
    x_t = problem.settle(problem.beginning(owner), x)
    size = length(x.values).clamp(min=1e-6)
    zero = torch.zeros_like(x.values)
    state = _State(x_t.values - x.values, zero, torch.full_like(size, torch.inf))
    for k in range(steps):
        if not len(owner):
            return
        seen = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        state = _moved(state, seen.grad, problem.reached(seen.answer, owner), size[owner], share=k / steps, pace=pace)
        x_t = within.project(x.holding(x.values + state.delta), x)
        state = state._replace(delta=x_t.values - x.values)
        owner, x, x_t, state = owner[going_on], x.rows(going_on), x_t.rows(going_on), state.rows(going_on)
        x_t = problem.settle(x_t, x)


def _moved(state: _State, grad: Tensor, reached: Tensor, size: Tensor, *, share: float, pace: Pace) -> _State:
    """Go one step and shrink or grow the ball."""
    far = length(state.delta)
    smaller = torch.minimum(far, state.radius) * pace.shrink
    larger = state.radius * (1 + pace.grow * (1 / pace.shrink - 1))
    radius = torch.where(reached, smaller, larger)
    mean = pace.inertia * state.mean + (1 - pace.inertia) * _unit(grad)
    found = radius.isfinite()
    step = torch.where(found, pace.inner * radius.clamp(max=1e9) * (1 - 0.9 * share), pace.first * size)
    delta = state.delta + wide(step, grad).to(grad.dtype) * _unit(mean)
    fit = torch.where(found, radius / length(delta).clamp(min=1e-12), torch.inf).clamp(max=1)
    return _State(delta * wide(fit, delta).to(delta.dtype), mean, radius)


def _unit(direction: Tensor) -> Tensor:
    size = length(direction)
    return direction * wide(torch.where(size > 0, 1 / size.clamp(min=1e-300), 0.0), direction).to(direction.dtype)
