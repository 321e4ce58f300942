"""Climb by steps that move the values of the largest slopes alone, fewer of them as the change itself gets sparser."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import wide
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .transforms import chained

_FIRST = 0.2  # share of the values that the first steps move
_FEWER = 1.5  # times fewer values than the best change has, so that others take over
_SETTLED = 0.95  # of the last share: the support shrinks no more, so steps do
_SHORTER, _SHORTEST = 1.5, 0.1  # times shorter at each review; of the radius
_REVIEWS = 25


class _Climb(NamedTuple):
    """The state of each open example, (r, ...)."""

    owner: Tensor
    x_t: Tensor
    grad: Tensor
    step: Tensor  # in radii
    share: Tensor  # of the values that a step moves
    best: Tensor
    best_grad: Tensor
    best_loss: Tensor

    def rows(self, index: Tensor) -> _Climb:
        return _Climb(*(field[index] for field in self))


def climb_sparsely(keeper: Keeper[Ball], loss: Loss, steps: int, begin: Callable[[Batch], Batch]) -> None:
    """Climb from `begin(x)`; what is found goes to the keeper.

    Costs at most steps + 1 forwards and `steps` backwards an example. Arguments as in `ascent.ascend`.
    """
    problem = keeper.problem
    within, objective, clean = problem.within, problem.objective(loss), chained((), len(problem.x))
    owner = keeper.open()
    if not len(owner):
        return
    x_t, climb = begin(problem.x.rows(owner)), None
    for k in range(steps):
        seen = problem.target.gradient(x_t, objective, owner)
        going_on = keeper.keep(owner, x_t, seen.loss, seen.answer)
        climb = _advanced(climb, owner, x_t.values, clean(seen.grad, owner), seen.loss).rows(going_on)
        owner = climb.owner
        if not len(owner):
            return
        x = problem.x.rows(owner)
        if k and k % max(1, steps // _REVIEWS) == 0:
            climb = _reviewed(climb, x)
        x_t = x.holding(climb.x_t)
        direction = within.steepest(climb.grad, x_t, x, climb.share)
        far = wide(climb.step * within.radius, direction).to(direction.dtype)
        x_t = within.project(x.holding(climb.x_t + far * direction), x)
    last = problem.target.losses(x_t, objective, owner)
    keeper.keep(owner, x_t, last.loss, last.answer)


def _advanced(climb: _Climb | None, owner: Tensor, x_t: Tensor, grad: Tensor, loss: Tensor) -> _Climb:
    if climb is None:
        one = torch.ones_like(loss, dtype=torch.float64)
        return _Climb(owner, x_t, grad, one, _FIRST * one, x_t, grad, loss)
    better = loss > climb.best_loss
    best, best_grad = torch.where(
        wide(better, x_t), torch.stack((x_t, grad)), torch.stack((climb.best, climb.best_grad))
    )
    best_loss = torch.where(better, loss, climb.best_loss)
    return climb._replace(x_t=x_t, grad=grad, best=best, best_grad=best_grad, best_loss=best_loss)


def _reviewed(climb: _Climb, x: Batch) -> _Climb:
    """Move fewer values than the best change has, shorten steps where it has become no sparser, begin anew there."""
    share = (climb.best != x.values).flatten(1).double().mean(dim=1) / _FEWER
    settled = share >= _SETTLED * climb.share
    step = torch.where(settled, (climb.step / _SHORTER).clamp(min=_SHORTEST), 1.0)
    return climb._replace(x_t=climb.best, grad=climb.best_grad, step=step, share=share)
