"""Look for a success by random windows that grow smaller: a change stays if the loss has grown by it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import length, wide
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .windows import Window, coloured, ends, frame, hills

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After how many of 10,000 queries the share of a window is halved."""

_AT_ONCE = 50  # queries for which lots are drawn together: a stream for each would cost as much as a small model
_TILES = 5  # along each axis, where a search begins in which values share the radius


@dataclass(frozen=True)
class _Open:
    """The rows still open.

    Attributes:
        owner: Whose they are, (r,).
        x: Their clean examples, (r, ...).
        best: The best points so far, (r, ...).
        level: Their loss, (r,).
        lowest: The least each value may be by itself, (r, ...).
        highest: The most, (r, ...).
        around: Where windows may lie.
        planned: Over how many queries its windows become smaller, (r,).
    """

    owner: Tensor
    x: Batch
    best: Tensor
    level: Tensor
    lowest: Tensor
    highest: Tensor
    around: Window
    planned: Tensor

    def rows(self, index: Tensor) -> _Open:
        """Pick rows, in the order of `index`."""
        return _Open(
            self.owner[index],
            self.x.rows(index),
            self.best[index],
            self.level[index],
            self.lowest[index],
            self.highest[index],
            self.around.rows(index),
            self.planned[index],
        )


def squares(keeper: Keeper[Ball], loss: Loss, queries: int, share: float, *, schedule: int | None = None) -> None:
    """Search by windows drawn at random, one query each; what is found goes to the keeper.

    Where each value has a radius of its own, a window moves as far as it can, one way for each colour. Where values
    share the radius, one window takes what another gives up. Sets that count changed pixels are searched in the first
    way. Windows become smaller by a schedule for 10,000 queries, which is scaled.

    Args:
        keeper: Holds the problem.
        loss: What to climb.
        queries: Most queries of an example, 0 or more.
        share: Share of the values in the first windows, above 0 to 1.
        schedule: How many queries the schedule is scaled to; None for those that the example can pay for.
    """
    problem = keeper.problem
    target, within, draws, objective = problem.target, problem.within, problem.draws, problem.objective(loss)
    rows = _opened(keeper, queries, schedule)
    begun, moved = (_tiled, _exchanged) if 0 < within.exponent < math.inf else (_striped, _flipped)
    count, axes = coloured(rows.best).shape[1], coloured(rows.best).ndim - 2
    lots = rows.best
    for k in range(queries):
        if not len(rows.owner):
            return
        if k % _AT_ONCE == 0:
            lots = draws.uniform((_AT_ONCE, 2 * axes + 1 + count), rows.x.ids, "windows", k // _AT_ONCE)
        x_t = (
            moved(within, rows, lots[:, k % _AT_ONCE], share_at(k, rows.planned, share))
            if k
            else begun(within, rows, draws)
        )
        seen = target.losses(x_t, objective, rows.owner)
        going_on = keeper.keep(rows.owner, x_t, seen.loss, seen.answer)
        better = seen.loss > rows.level
        rows.best[better] = x_t.values[better]  # in place: of many questions few are steps
        rows = replace(rows, level=torch.where(better, seen.loss, rows.level))
        if not bool(going_on.all()):
            rows, lots = rows.rows(going_on), lots[going_on]


def _opened(keeper: Keeper[Ball], queries: int, schedule: int | None) -> _Open:
    problem, owner = keeper.problem, keeper.open()
    x = problem.x.rows(owner)
    lowest, highest = ends(problem.within, x, limited=math.isinf(problem.within.exponent))
    level = torch.full((len(x),), -torch.inf, device=x.values.device)
    payable = problem.target.left(owner).clamp(max=queries)
    planned = payable if schedule is None else torch.full_like(payable, schedule)
    return _Open(owner, x, x.values.clone(), level, lowest, highest, frame(coloured(lowest != highest)), planned)


def share_at(k: int, planned: Tensor, share: float) -> Tensor:
    """Tell what share of the values a window has at query k of those planned (r,), (r,) float64."""
    done = k * 10_000 // planned
    halved = torch.bucketize(done, torch.tensor(_HALVINGS, device=done.device))
    return share * 0.5 ** halved.double()


def _side(rows: _Open, share: Tensor, least: int) -> Tensor:
    """Tell how long the sides of a window are that holds a share (r,) of the values, (r, d) int64."""
    room = rows.around.side
    side = (share * room.prod(dim=1)).pow(1 / room.shape[1]).round().long().clamp(min=least)
    return torch.minimum(side.unsqueeze(1) | (least > 1), room)  # odd where a middle counts


def _signs(lots: Tensor, like: Tensor) -> Tensor:
    """Turn lots (r, c) into a sign for each colour, (r, c, 1, ...)."""
    return torch.where(lots < 0.5, -1.0, 1.0).view(*lots.shape, *[1] * (like.ndim - 2))


def _striped(within: Ball, rows: _Open, draws: Draws) -> Batch:
    """Move each column of each colour as far as it can, up or down."""
    like = coloured(rows.best)
    shape = (like.shape[1], *[1] * (like.ndim - 3), like.shape[-1])
    up = draws.signs(shape, rows.x.ids, "stripes") > 0
    return _inside(within, rows, torch.where(up, coloured(rows.highest), coloured(rows.lowest)))


def _flipped(within: Ball, rows: _Open, lots: Tensor, share: Tensor) -> Batch:
    """Move a window as far as it can, each colour up or down; the other way round where nothing changed by that."""
    like = coloured(rows.best)
    axes, colours = like.ndim - 2, like.shape[1]
    window = rows.around.placed(_side(rows, share, 1), lots[:, :axes])
    at = window.places(like).unsqueeze(1).expand(-1, colours, -1)  # its values alone are looked at
    lowest, highest, held = (
        coloured(values).flatten(2).gather(2, at) for values in (rows.lowest, rows.highest, rows.best)
    )
    up = lots[:, -colours:].unsqueeze(2) >= 0.5
    idle = (torch.where(up, highest, lowest) == held).flatten(1).all(dim=1)
    moved = torch.where(up ^ wide(idle, up), highest, lowest)
    return _inside(within, rows, like.flatten(2).scatter(2, at, moved))


def _inside(within: Ball, rows: _Open, values: Tensor) -> Batch:
    """Bring values that are all within their own ends into the set."""
    x_t = rows.x.holding(values.view_as(rows.best))
    return x_t if math.isinf(within.exponent) else within.project(x_t, rows.x)


def _tiled(within: Ball, rows: _Open, draws: Draws) -> Batch:
    """Fill all places with tiles of two hills, and let them share the radius."""
    like, around = coloured(rows.best), rows.around
    side = (around.side // _TILES).clamp(min=1)
    signs = draws.signs((like.shape[1], *[_TILES + 1] * (like.ndim - 2)), rows.x.ids, "tiles")
    inner = []
    for axis, offset in enumerate(around.offsets(like), start=2):
        size = side[:, axis - 2].view(-1, *[1] * (like.ndim - 1))
        tile = torch.div(offset, size, rounding_mode="floor").clamp(0, _TILES)
        shape = list(signs.shape)
        shape[axis] = like.shape[axis]
        signs = signs.gather(axis, tile.expand(shape))
        inner.append(offset % size)
    made = signs * hills(inner, side, torch.zeros_like(rows.owner)) * coloured(rows.lowest != rows.highest)
    return _filled(within, rows, torch.zeros_like(made), made)


def _exchanged(within: Ball, rows: _Open, lots: Tensor, share: Tensor) -> Batch:
    """Take the change of one window and give it to another, as hills on top of what was there."""
    like = coloured(rows.best)
    axes, side = like.ndim - 2, _side(rows, share, 3)
    one, other = (rows.around.placed(side, lots[:, part : part + axes]) for part in (0, axes))
    inside, along = one.mask(like), (lots[:, 2 * axes] * axes).long()
    made = _signs(lots[:, -like.shape[1] :], like) * hills(one.offsets(like), side, along)
    made = made * (inside & coloured(rows.lowest != rows.highest))
    delta = like - coloured(rows.x.values)
    old, rest = delta * inside, delta.masked_fill(inside | other.mask(like), 0.0)
    exponent = within.exponent
    return _filled(within, rows, rest, _unit(made, exponent) + _unit(old, exponent))


def _filled(within: Ball, rows: _Open, rest: Tensor, made: Tensor) -> Batch:
    """Add to a change `rest` so much of another, on other values, that both together fill the radius."""
    exponent = within.exponent
    left = (within.radius**exponent - _size(rest, exponent) ** exponent).clamp(min=0) ** (1 / exponent)
    change = rest + wide(left, made).to(made.dtype) * _unit(made, exponent)
    return within.project(rows.x.holding(rows.x.values + change.view_as(rows.best)), rows.x)


def _unit(change: Tensor, exponent: float) -> Tensor:
    """Scale each change (r, ...) to size 1 by the set's norm; zero stays zero."""
    return change / wide(_size(change, exponent).clamp(min=1e-30), change).to(change.dtype)


def _size(change: Tensor, exponent: float) -> Tensor:
    """Measure each change (r, ...) by the set's norm, (r,) float64."""
    return length(change.abs() ** (exponent / 2)) ** (2 / exponent)
