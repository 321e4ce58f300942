"""Swap changed pixels for others at random, fewer and fewer at a time: a swap stays if the loss has grown by it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.largest import largest
from unfooled.core.pixels import by_pixel, differing, spread
from unfooled.core.rows import wide
from unfooled.core.threat import Ball, Loss

from .exchange import changeable
from .keeper import Keeper
from .windows import ends

_AFTER = (50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After how many of 10,000 queries fewer pixels are swapped."""

_FEWER = (1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0)  # by what the share is divided before, between and after


class _Open(NamedTuple):
    """The rows still open: owner (r,), best points (r, ...), their loss (r,), pixels that count as changed (r, d).

    `allowed` (r, d) says which may change, `number` (r,) how many of them together, `planned` (r,) over how many
    queries the swaps become smaller; values go to `lowest` or `highest` (r, ...).
    """

    owner: Tensor
    best: Tensor
    level: Tensor
    changed: Tensor
    allowed: Tensor
    number: Tensor
    lowest: Tensor
    highest: Tensor
    planned: Tensor

    def rows(self, index: Tensor) -> _Open:
        return _Open(*(field[index] for field in self))


def swap_pixels(keeper: Keeper[Ball], loss: Loss, queries: int, share: float, *, schedule: int | None = None) -> None:
    """Begin with random pixels at ends of their range, and swap some of them, one query each time.

    Args:
        keeper: Holds the problem.
        loss: What to climb.
        queries: Most queries of an example, 0 or more.
        share: Share of the changed pixels that the first swaps exchange, above 0 to 1.
        schedule: Over how many queries swaps become smaller; None for those that the example can pay for.
    """
    problem = keeper.problem
    objective = problem.objective(loss)
    rows = _opened(keeper, queries, schedule)
    for k in range(queries):
        if not len(rows.owner):
            return
        x = problem.x.rows(rows.owner)
        count = (_share_at(k, rows, share) * rows.number).long().clamp(min=1) if k else rows.number
        x_t, changed = _swapped(problem.within, rows, x, problem.draws.uniform(_shape(x), x.ids, "swap", k), count)
        seen = problem.target.losses(x_t, objective, rows.owner)
        going_on = keeper.keep(rows.owner, x_t, seen.loss, seen.answer)
        better = seen.loss > rows.level
        best = torch.where(wide(better, rows.best), x_t.values, rows.best)
        level, changed = (
            torch.where(better, seen.loss, rows.level),
            torch.where(wide(better, changed), changed, rows.changed),
        )
        rows = rows._replace(best=best, level=level, changed=changed)
        if not bool(going_on.all()):
            rows = rows.rows(going_on)


def _opened(keeper: Keeper[Ball], queries: int, schedule: int | None) -> _Open:
    problem, owner = keeper.problem, keeper.open()
    x = problem.x.rows(owner)
    lowest, highest = ends(problem.within, x, limited=math.isinf(problem.within.exponent))
    allowed = differing(lowest, highest)
    payable = problem.target.left(owner).clamp(max=queries)
    return _Open(
        owner,
        x.values,
        torch.full((len(x),), -torch.inf, device=x.values.device),
        torch.zeros_like(allowed),
        allowed,
        changeable(problem.within, x),
        lowest,
        highest,
        payable if schedule is None else torch.full_like(payable, schedule),
    )


def _shape(x: Batch) -> tuple[int, int]:
    """Say how many lots a swap takes: two for each pixel and one for each of its colours, (2 + c, d)."""
    colours, pixels = by_pixel(x.values).shape[1:]
    return 2 + colours, pixels


def _share_at(k: int, rows: _Open, share: float) -> Tensor:
    done = k * 10_000 // rows.planned
    after, fewer = (torch.tensor(one, device=done.device, dtype=torch.float64) for one in (_AFTER, _FEWER))
    return share / fewer[torch.bucketize(done.double(), after)]


def _swapped(within: Ball, rows: _Open, x: Batch, lots: Tensor, count: Tensor) -> tuple[Batch, Tensor]:
    """Restore `count` (r,) changed pixels and change as many of those that are not, by lots (r, 2 + c, d)."""
    stays = rows.changed & largest(torch.where(rows.changed, lots[:, 0], -1.0), (rows.number - count).clamp(min=0))
    may_come = rows.allowed & ~stays
    comes = may_come & largest(torch.where(may_come, lots[:, 1], -1.0), rows.number - stays.sum(dim=1))
    ends_drawn = torch.where((lots[:, 2:] < 0.5).view_as(rows.best), rows.lowest, rows.highest)
    values = torch.where(
        spread(comes, rows.best), ends_drawn, torch.where(spread(stays, rows.best), rows.best, x.values)
    )
    return within.project(x.holding(values), x), stays | comes
