"""Repaint parts of a patch or frame at random and move it about: a change stays if the loss has grown by it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import wide
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .squares import share_at
from .windows import Window, coloured, ends, frame

_TILES = 4  # along each axis, in which the first painting's colours are drawn
_FURTHEST = 0.75  # share of the room that the first moves may cross


@dataclass(frozen=True)
class _Open:
    """The rows still open.

    Attributes:
        owner: Whose they are, (r,).
        paint: A painting of the whole input, of which the window shows a part, (r, c, *places).
        level: Loss of the best painting and window so far, (r,).
        window: Where changes lie.
        around: Where windows may lie.
        lowest: The least each value may be, (r, c, *places).
        highest: The most, (r, c, *places).
        planned: Over how many queries its changes become smaller, (r,).
    """

    owner: Tensor
    paint: Tensor
    level: Tensor
    window: Window
    around: Window
    lowest: Tensor
    highest: Tensor
    planned: Tensor

    def rows(self, index: Tensor) -> _Open:
        """Pick rows, in the order of `index`."""
        return _Open(
            self.owner[index],
            self.paint[index],
            self.level[index],
            self.window.rows(index),
            self.around.rows(index),
            self.lowest[index],
            self.highest[index],
            self.planned[index],
        )


def repaint(
    keeper: Keeper[Ball], loss: Loss, queries: int, *, share: float, moves: float, schedule: int | None = None
) -> None:
    """Begin with tiles of random colours in a window that the set draws; repaint parts of it, or move it, at random.

    The set tells how large a window is: it holds all that a point of the set's rim changes. A window that fills all
    that may change cannot move, as in a frame.

    Args:
        keeper: Holds the problem.
        loss: What to climb.
        queries: Most queries of an example, 0 or more.
        share: Share of the window in the first parts repainted, above 0 to 1.
        moves: Share of the queries that move the window, 0 to 1.
        schedule: Over how many queries changes become smaller; None for those that the example can pay for.
    """
    problem = keeper.problem
    objective = problem.objective(loss)
    rows = _opened(keeper, queries, schedule)
    colours, axes = rows.paint.shape[1], rows.paint.ndim - 2
    for k in range(queries):
        if not len(rows.owner):
            return
        x = problem.x.rows(rows.owner)
        lots = problem.draws.uniform((axes + 1 + colours,), x.ids, "repaint", k)
        tried = _changed(rows, lots, k, share=share, moves=moves) if k else rows
        shown = torch.where(tried.window.mask(tried.paint), tried.paint, coloured(x.values)).view_as(x.values)
        x_t = problem.within.project(x.holding(shown), x)
        seen = problem.target.losses(x_t, objective, rows.owner)
        going_on = keeper.keep(rows.owner, x_t, seen.loss, seen.answer)
        better = seen.loss > rows.level
        begin = torch.where(better.unsqueeze(1), tried.window.begin, rows.window.begin)
        rows = replace(
            rows,
            paint=torch.where(wide(better, rows.paint), tried.paint, rows.paint),
            level=torch.where(better, seen.loss, rows.level),
            window=Window(begin, rows.window.side),
        )
        if not bool(going_on.all()):
            rows = rows.rows(going_on)


def _opened(keeper: Keeper[Ball], queries: int, schedule: int | None) -> _Open:
    problem, owner = keeper.problem, keeper.open()
    x, within = problem.x.rows(owner), problem.within
    lowest, highest = (coloured(one) for one in ends(within, x, limited=math.isinf(within.exponent)))
    grey = x.holding(torch.full_like(x.values, (within.low + within.high) / 2))  # any corner differs from it everywhere
    window = frame(coloured(within.corner(grey, problem.draws).values != grey.values))
    payable = problem.target.left(owner).clamp(max=queries)
    return _Open(
        owner,
        _tiled(x, lowest, highest, window, problem.draws),
        torch.full((len(x),), -torch.inf, device=x.values.device),
        window,
        frame(lowest != highest),
        lowest,
        highest,
        payable if schedule is None else torch.full_like(payable, schedule),
    )


def _tiled(x: Batch, lowest: Tensor, highest: Tensor, window: Window, draws: Draws) -> Tensor:
    """Paint tiles, each of one random colour, over a window, (r, c, *places); of no meaning outside it."""
    up = draws.signs((lowest.shape[1], *[_TILES] * (lowest.ndim - 2)), x.ids, "tiles") > 0
    for axis, offset in enumerate(window.offsets(lowest), start=2):
        side = window.side[:, axis - 2].view(-1, *[1] * (lowest.ndim - 1))
        tile = torch.div(offset * _TILES, side, rounding_mode="floor").clamp(0, _TILES - 1)
        shape = list(up.shape)
        shape[axis] = lowest.shape[axis]
        up = up.gather(axis, tile.expand(shape))
    return torch.where(up, highest, lowest)


def _changed(rows: _Open, lots: Tensor, k: int, *, share: float, moves: float) -> _Open:
    """Move the window, or repaint a part of it in one random colour, as the lots (r, 1 + d + c) say."""
    axes = rows.window.side.shape[1]
    room = rows.around.side - rows.window.side
    moved = (lots[:, 0] < moves) & (room > 0).any(dim=1)
    left = 1 - k / rows.planned.double()
    reach = (_FURTHEST * left.unsqueeze(1) * room).ceil()
    way = ((2 * lots[:, 1 : 1 + axes].double() - 1) * (reach + 1)).trunc().long() * moved.unsqueeze(1)
    begin = (rows.window.begin + way).maximum(rows.around.begin).minimum(rows.around.begin + room)
    side = (share_at(k, rows.planned, share).sqrt().unsqueeze(1) * rows.window.side).round().long().clamp(min=1)
    part = rows.window.placed(side.minimum(rows.window.side), lots[:, 1 : 1 + axes]).mask(rows.paint)
    up = (lots[:, 1 + axes :] < 0.5).view(*rows.paint.shape[:2], *[1] * axes)
    repainted = torch.where(part, torch.where(up, rows.highest, rows.lowest), rows.paint)
    paint = torch.where(wide(moved, rows.paint), _rolled(rows.paint, begin - rows.window.begin), repainted)
    return replace(rows, paint=paint, window=Window(begin, rows.window.side))


def _rolled(paint: Tensor, way: Tensor) -> Tensor:
    """Move paintings (r, c, *places) by so many places along each axis, (r, d)."""
    for axis, length in enumerate(paint.shape[2:], start=2):
        place = torch.arange(length, device=paint.device) - way[:, axis - 2 : axis - 1]
        shape = [len(paint)] + [1] * (paint.ndim - 1)
        shape[axis] = length
        paint = paint.gather(axis, place.clamp(0, length - 1).view(shape).expand_as(paint))
    return paint
