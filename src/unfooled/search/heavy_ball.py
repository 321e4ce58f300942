"""Climb in few steps: long ones first, shrinking by a cosine, each going on a little in the way of the last."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .transforms import Transform, chained

_FIRST, _LAST = 2.0, 0.02  # lengths of the first and of the last step, in radii
_INERTIA = 0.25
_SHARE = 0.5  # of the values that a step moves, in sets where a few would be steepest


def roll(
    keeper: Keeper[Ball],
    loss: Loss,
    steps: int,
    begin: Callable[[Batch], Batch],
    *,
    transforms: tuple[Transform, ...] = (),
    toward: Tensor | None = None,
) -> None:
    """Climb from `begin(x)` with steps from twice the radius down to a fiftieth of it.

    Costs at most steps + 1 forwards and `steps` backwards an example. Arguments as in `ascent.ascend`.
    """
    problem = keeper.problem
    target, within = problem.target, problem.within
    objective, transform = problem.objective(loss, toward), chained(transforms, len(problem.x))
    owner = keeper.open()
    if not len(owner):
        return
    x = problem.x.rows(owner)
    x_t, x_before = begin(x), None
    for k in range(steps):
        climb = target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, climb.loss, climb.answer)
        grad = climb.grad
        if not bool(going_on.all()):
            owner, x, x_t, grad = owner[going_on], x.rows(going_on), x_t.rows(going_on), grad[going_on]
            x_before = None if x_before is None else x_before.rows(going_on)
        if not len(owner):
            return
        sparsity = torch.full_like(owner, _SHARE, dtype=torch.float64)
        direction = within.steepest(transform(grad, owner), x_t, x, sparsity)
        x_next = within.project(x.holding(x_t.values + _length(k, steps) * within.radius * direction), x)
        if x_before is not None:
            drift = (1 - _INERTIA) * (x_next.values - x_t.values) + _INERTIA * (x_t.values - x_before.values)
            x_next = within.project(x.holding(x_t.values + drift), x)
        x_t, x_before = x_next, x_t
    last = target.losses(x_t, objective, owner)
    keeper.keep(owner, x_t, last.loss, last.answer)


def _length(k: int, steps: int) -> float:
    return _LAST + (_FIRST - _LAST) * (1 + math.cos(math.pi * k / steps)) / 2
