"""Step to and fro along the vectors of a basis, single values or waves: a step stays if the loss has grown by it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import length, wide
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .windows import coloured, ends


class _Open(NamedTuple):
    """The rows still open: owner (r,), best points (r, ...), their loss (r,), the order of the basis (r, b).

    `turn` (r,) counts vectors tried, `back` (r,) says whether the next step goes the other way along the last one.
    """

    owner: Tensor
    best: Tensor
    level: Tensor
    order: Tensor
    turn: Tensor
    back: Tensor

    def rows(self, index: Tensor) -> _Open:
        return _Open(*(field[index] for field in self))


def step_along(keeper: Keeper[Ball], loss: Loss, queries: int, *, step: float, waves: float | None) -> None:
    """Try one vector after the other, in an order drawn by lot, first one way and then the other, one query each.

    In sets where each value has a radius of its own a step's largest value goes as far as the radius.

    Args:
        keeper: Holds the problem.
        loss: What to climb.
        queries: Most queries of an example, 0 or more.
        step: Length of a step by L2, as a share of the range of one value, above 0.
        waves: Share of the frequencies of each axis, the lowest ones, above 0 to 1; None for single values.
    """
    problem = keeper.problem
    objective, rows = problem.objective(loss), _opened(keeper, waves)
    for k in range(queries):
        if not len(rows.owner):
            return
        x, x_t = problem.x.rows(rows.owner), problem.x.rows(rows.owner).holding(rows.best)
        if k:
            x_t = _stepped(problem.within, rows, x, step, waves)
        seen = problem.target.losses(x_t, objective, rows.owner)
        going_on = keeper.keep(rows.owner, x_t, seen.loss, seen.answer)
        better = seen.loss > rows.level
        done = better | rows.back if k else torch.zeros_like(better)
        rows = rows._replace(
            best=torch.where(wide(better, rows.best), x_t.values, rows.best),
            level=torch.where(better, seen.loss, rows.level),
            turn=rows.turn + done,
            back=~done if k else rows.back,
        )
        if not bool(going_on.all()):
            rows = rows.rows(going_on)


def _opened(keeper: Keeper[Ball], waves: float | None) -> _Open:
    problem, owner = keeper.problem, keeper.open()
    x = problem.x.rows(owner)
    like = coloured(x.values)
    shape = (like.shape[1], *(_lowest(axis, waves) for axis in like.shape[2:]))
    lots = problem.draws.uniform((math.prod(shape),), x.ids, "basis")
    if waves is None:  # values that may not change come last
        lowest, highest = ends(problem.within, x, limited=math.isinf(problem.within.exponent))
        lots = lots + (lowest == highest).flatten(1)
    level = torch.full((len(x),), -torch.inf, device=lots.device)
    back = torch.zeros_like(owner, dtype=torch.bool)
    start = problem.beginning(owner).values
    return _Open(owner, start, level, lots.argsort(dim=1, stable=True), torch.zeros_like(owner), back)


def _lowest(size: int, waves: float | None) -> int:
    """Say how many frequencies of an axis there are among the lowest ones."""
    return size if waves is None else math.ceil(waves * size)


def _stepped(within: Ball, rows: _Open, x: Batch, step: float, waves: float | None) -> Batch:
    number = rows.order.gather(1, (rows.turn % rows.order.shape[1]).unsqueeze(1)).flatten()
    way = _vectors(number, coloured(x.values), waves).view_as(x.values)
    span = within.high - within.low
    if math.isinf(within.exponent):
        size = min(within.radius, span) / way.abs().flatten(1).amax(dim=1)
    else:
        size = step * span / length(way)
    way = way * wide(torch.where(rows.back, size, -size), way).to(way.dtype)
    return within.project(x.holding(rows.best + way), x)


def _vectors(number: Tensor, like: Tensor, waves: float | None) -> Tensor:
    """Make the vectors with these numbers (r,), shaped as `like` (r, c, *places): a value, or a cosine's wave."""
    made = torch.ones((len(number), *[1] * (like.ndim - 1)), device=like.device)
    for axis in range(like.ndim - 1, 0, -1):
        size = like.shape[axis]
        count = _lowest(size, waves if axis > 1 else None)
        at, number = number % count, torch.div(number, count, rounding_mode="floor")
        place = torch.arange(size, device=like.device)
        if axis == 1 or waves is None:
            line = (place == at.unsqueeze(1)).to(like.dtype)
        else:
            line = torch.cos(math.pi / size * (place.double() + 0.5) * at.unsqueeze(1)).to(like.dtype)
        made = made * line.view(-1, *[1] * (axis - 1), size, *[1] * (like.ndim - axis - 1))
    return made
