"""Climb with momentum and step sizes that each example earns: the loop of Auto-PGD."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.target import Gradient
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .transforms import chained

_MOMENTUM = 0.75
_RHO = 0.75


class _Climb(NamedTuple):
    """The state of each open example, (r, ...)."""

    owner: Tensor
    radius: Tensor
    x_t: Tensor
    x_before: Tensor
    grad: Tensor
    loss: Tensor
    step: Tensor
    best: Tensor  # point, gradient and loss of the best iterate
    best_grad: Tensor
    best_loss: Tensor
    gains: Tensor  # improving steps since the last checkpoint
    loss_then: Tensor  # best loss and step at the last checkpoint
    step_then: Tensor

    def rows(self, index: Tensor) -> _Climb:
        return _Climb(*(field[index] for field in self))


def checkpoints(steps: int) -> list[int]:
    """Say after which steps the step size is reconsidered: intervals shrink from 22 % to 6 % of all steps."""
    marks, gap = [22], 22  # in whole hundredths: 0.41 + 0.16 is a little more than 0.57 in floats
    while marks[-1] < 100:
        gap = max(gap - 3, 6)
        marks.append(marks[-1] + gap)
    return sorted({math.ceil(mark * steps / 100) for mark in marks if mark < 100})


def climb_adaptively(
    keeper: Keeper[Ball],
    loss: Loss,
    steps: int,
    begin: Callable[[Batch], Batch],
    *,
    toward: Tensor | None = None,
    radius: Tensor | None = None,
) -> None:
    """Climb from `begin(x)`, halving a step that no longer pays and going back to the best point then.

    Costs at most steps + 1 forwards and `steps` backwards an example. Arguments as in `ascent.ascend`; `radius` says
    how far each of the n examples may go, (n,), at most as far as the set, and ends a climb with its first success
    inside it, whatever the keeper looks for.
    """
    problem = keeper.problem
    objective = problem.objective(loss, toward)
    owner = keeper.open()
    if radius is None:
        radius = torch.full_like(keeper.distance(problem.everyone()), problem.within.radius)
    if not len(owner):
        return
    start = begin(problem.x.rows(owner))
    seen = problem.target.gradient(start, objective, owner)
    going_on = keeper.keep(owner, start, seen.loss, seen.answer) & (keeper.distance(owner) > radius[owner])
    climb = _begin(owner, start.values, _cleaned(seen, owner), radius[owner]).rows(going_on)
    interval, last = 0, 0
    reviews = checkpoints(steps)
    for k in range(steps):
        if not len(climb.owner):
            return
        x = problem.x.rows(climb.owner)
        x_next = _moved(problem.within, climb, x, 1.0 if k == 0 else _MOMENTUM)
        if k == steps - 1:
            final = problem.target.losses(x_next, objective, climb.owner)
            keeper.keep(climb.owner, x_next, final.loss, final.answer)
            return
        seen = problem.target.gradient(x_next, objective, climb.owner)
        going_on = keeper.keep(climb.owner, x_next, seen.loss, seen.answer)
        going_on &= keeper.distance(climb.owner) > climb.radius
        climb = _advanced(climb, x_next.values, _cleaned(seen, climb.owner))
        climb = climb if bool(going_on.all()) else climb.rows(going_on)
        if k + 1 in reviews:
            interval, last = k + 1 - last, k + 1
            climb = _reviewed(climb, interval)


def _begin(owner: Tensor, x_t: Tensor, seen: Gradient, radius: Tensor) -> _Climb:
    steps = 2 * radius.to(seen.loss.dtype)
    none = torch.zeros_like(owner)
    return _Climb(
        owner, radius, x_t, x_t, seen.grad, seen.loss, steps, x_t, seen.grad, seen.loss, none, seen.loss, steps.clone()
    )  # fmt: skip


def _cleaned(seen: Gradient, owner: Tensor) -> Gradient:
    return seen._replace(grad=chained((), 0)(seen.grad, owner))


def _moved(within: Ball, climb: _Climb, x: Batch, share: float) -> Batch:
    x_t = x.holding(climb.x_t)
    step = climb.step.view(-1, *[1] * (climb.x_t.ndim - 1))
    direct = within.project(x.holding(climb.x_t + step * within.steepest(climb.grad, x_t, x)), x, climb.radius)
    if share == 1:
        return direct
    drift = climb.x_t + share * (direct.values - climb.x_t) + (1 - share) * (climb.x_t - climb.x_before)
    return within.project(x.holding(drift), x, climb.radius)


def _advanced(climb: _Climb, x_next: Tensor, seen: Gradient) -> _Climb:
    better = seen.loss > climb.best_loss
    wide = better.view(-1, *[1] * (x_next.ndim - 1))
    return climb._replace(
        x_t=x_next,
        x_before=climb.x_t,
        grad=seen.grad,
        loss=seen.loss,
        best=torch.where(wide, x_next, climb.best),
        best_grad=torch.where(wide, seen.grad, climb.best_grad),
        best_loss=torch.where(better, seen.loss, climb.best_loss),
        gains=climb.gains + (seen.loss > climb.loss),
    )


def _reviewed(climb: _Climb, interval: int) -> _Climb:
    """Halve the steps that paid too seldom, or that neither changed nor led anywhere since the last review."""
    seldom = climb.gains < _RHO * interval
    stuck = (climb.step == climb.step_then) & (climb.best_loss <= climb.loss_then)
    halve = seldom | stuck
    wide = halve.view(-1, *[1] * (climb.x_t.ndim - 1))
    return climb._replace(
        x_t=torch.where(wide, climb.best, climb.x_t),
        grad=torch.where(wide, climb.best_grad, climb.grad),
        step=torch.where(halve, climb.step / 2, climb.step),
        gains=torch.zeros_like(climb.gains),
        loss_then=climb.best_loss,
        step_then=climb.step,
    )
