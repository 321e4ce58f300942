"""Move few pixels to colour corners: ask about all of them, or about those that a gradient names first."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.pixels import by_pixel
from unfooled.core.target import Objective
from unfooled.core.threat import Ball, Loss

from .candidates import ask_all
from .exchange import changeable
from .keeper import Keeper
from .windows import ends

_NOISE = 0.1  # of the range: standard deviation in noisy copies


class _Open(NamedTuple):
    """The rows still open: owner (r,), the ends of each value (r, c, d), the points to go on from (r, w, c, d).

    `alive` (r, w) says which points there are, `left` (r,) how many queries are left.
    """

    owner: Tensor
    lowest: Tensor
    highest: Tensor
    points: Tensor
    alive: Tensor
    left: Tensor

    def rows(self, index: Tensor) -> _Open:
        return _Open(*(field[index] for field in self))


def climb_corners(
    keeper: Keeper[Ball], loss: Loss, queries: int, *, shortlist: int | None, beam: int, noisy: int = 0
) -> None:
    """Move one pixel to each corner of its colours, then from the best of these points another one, and so on.

    A pixel of c colours has 2^c corners: each colour at the least or the most that it may be. It ends when the set
    lets no more pixels change, or with the queries. Where there is a shortlist, one gradient a point ranks its corners
    by the linearised loss.

    Args:
        keeper: Holds the problem.
        loss: What to climb.
        queries: Most queries of an example, gradients among them, 0 or more.
        shortlist: How many corners of each point to ask about; None for all, without gradients.
        beam: From how many points to go on, 1 or more.
        noisy: At how many noisy copies of each point to ask for its gradient too, 0 or more.
    """
    problem = keeper.problem
    objective, rows = problem.objective(loss), _opened(keeper, queries)
    most = changeable(problem.within, problem.x)
    for changed in range(int(most.max()) if len(most) else 0):
        rows = rows.rows((most[rows.owner] > changed) & (rows.left > 0))
        x, slope = problem.x.rows(rows.owner), torch.zeros_like(rows.points)
        if shortlist is not None:
            rows, slope = _sloped(keeper, objective, rows, first=changed == 0)
            for copy in range(noisy):
                rows, slope = _smoothed(keeper, objective, rows, slope, changed * noisy + copy)
            x = problem.x.rows(rows.owner)
        if not bool(rows.alive.any()):
            return
        order, number = _ordered(rows, by_pixel(problem.beginning(rows.owner).values), slope, shortlist)
        asked = _asked(rows, number)
        told, going_on = ask_all(keeper, objective, rows.owner, asked, partial(_made, (problem.within, rows, x, order)))
        level, best = (one[:, :beam] for one in told.sort(dim=1, descending=True, stable=True))
        points, left = _moved(rows, order, best), rows.left - asked.sum(dim=1)
        rows = rows._replace(points=points, alive=level > -torch.inf, left=left).rows(going_on)


def _opened(keeper: Keeper[Ball], queries: int) -> _Open:
    problem, owner = keeper.problem, keeper.open()
    x = problem.x.rows(owner)
    lowest, highest = ends(problem.within, x, limited=math.isinf(problem.within.exponent))
    alive = torch.ones(len(owner), 1, dtype=torch.bool, device=owner.device)
    points = by_pixel(problem.beginning(owner).values).unsqueeze(1)
    return _Open(owner, by_pixel(lowest), by_pixel(highest), points, alive, torch.full_like(owner, queries))


def _sloped(keeper: Keeper[Ball], objective: Objective, rows: _Open, *, first: bool) -> tuple[_Open, Tensor]:
    """Ask for the gradient at each point, one query each; the first point's answer goes to the keeper too."""
    target, x = keeper.problem.target, keeper.problem.x
    width = rows.points.shape[1]
    rows = rows.rows(target.affords(rows.owner, width) & (rows.left >= width))
    if not len(rows.owner):
        return rows, rows.points
    owner = rows.owner.repeat_interleave(width)
    points = x.rows(owner).holding(rows.points.reshape(-1, *x.values.shape[1:]))
    seen = target.gradient(points, objective, owner)
    slope = by_pixel(seen.grad).view_as(rows.points)
    rows = rows._replace(left=rows.left - width)
    if first:
        going_on = keeper.keep(rows.owner, points, seen.loss, seen.answer)
        rows, slope = rows.rows(going_on), slope[going_on]
    return rows, slope


def _smoothed(
    keeper: Keeper[Ball], objective: Objective, rows: _Open, slope: Tensor, draw: int
) -> tuple[_Open, Tensor]:
    """Add the gradients at noisy copies of the points, which see further than those at the points themselves."""
    target, within, width = keeper.problem.target, keeper.problem.within, rows.points.shape[1]
    payable = target.affords(rows.owner, width) & (rows.left >= width)
    rows, slope = rows.rows(payable), slope[payable]
    if not len(rows.owner):
        return rows, slope
    owner = rows.owner.repeat_interleave(width)
    x = keeper.problem.x.rows(owner)
    noise = keeper.problem.draws.normal(tuple(x.values.shape[1:]), x.ids, "noise", draw)
    points = rows.points.reshape(x.values.shape) + _NOISE * (within.high - within.low) * noise
    seen = target.gradient(within.resized(math.inf).project(x.holding(points), x), objective, owner)
    return rows._replace(left=rows.left - width), slope + by_pixel(seen.grad).view_as(slope)


def _ordered(rows: _Open, begin: Tensor, slope: Tensor, shortlist: int | None) -> tuple[Tensor, Tensor]:
    """Rank the corners of unchanged pixels by what they gain, (r, w, d * 2^c), and tell how many there are, (r, w)."""
    colours = begin.shape[1]
    low, high = (end.unsqueeze(1) - rows.points for end in (rows.lowest, rows.highest))
    gains, moves = [], []
    for corner in range(2**colours):
        up = _bits(torch.tensor(corner, device=begin.device), colours).view(-1, 1)
        step = torch.where(up, high, low)
        gains.append((step * slope).cumsum(dim=2)[:, :, -1])
        moves.append((step != 0).any(dim=2))
    unchanged = (rows.points == begin.unsqueeze(1)).all(dim=2) & rows.alive.unsqueeze(2)
    open_ones = (torch.stack(moves, dim=3) & unchanged.unsqueeze(3)).flatten(2)
    gain = torch.where(open_ones, torch.stack(gains, dim=3).flatten(2).nan_to_num(), -torch.inf)
    number = open_ones.sum(dim=2)
    number = number if shortlist is None else number.clamp(max=shortlist)
    return gain.argsort(dim=2, descending=True, stable=True), number


def _asked(rows: _Open, number: Tensor) -> Tensor:
    """Mark the candidates that are asked about, the best of each point first, (r, m) bool."""
    place = torch.arange(int(number.max()) * number.shape[1], device=number.device)
    rank, node = torch.div(place, number.shape[1], rounding_mode="floor"), place % number.shape[1]
    wanted = rank < number[:, node]
    return wanted & (wanted.cumsum(dim=1) <= rows.left.unsqueeze(1))


def _made(of: tuple[Ball, _Open, Batch, Tensor], some: Tensor, which: Tensor) -> Tensor:
    """Make these candidates (m,) of some rows (s,) as points of the set, (s, m, ...)."""
    within, rows, x, order = of
    points = _moved(rows.rows(some), order[some], which.expand(len(some), -1))
    clean = x.rows(some.repeat_interleave(len(which)))
    projected = within.project(clean.holding(points.reshape(clean.values.shape)), clean).values
    return projected.view(len(some), len(which), *projected.shape[1:])


def _moved(rows: _Open, order: Tensor, which: Tensor) -> Tensor:
    """Give the points that these candidates (r, m) are, (r, m, c, d), before they are projected."""
    width, colours = rows.points.shape[1:3]
    node, rank = which % width, torch.div(which, width, rounding_mode="floor")
    row = torch.arange(len(which), device=which.device).unsqueeze(1)
    entry = order[row, node, rank]
    pixel = torch.div(entry, 2**colours, rounding_mode="floor")
    at = pixel.unsqueeze(1).expand(-1, colours, -1)
    up = _bits(entry % 2**colours, colours).movedim(2, 1)
    value = torch.where(up, rows.highest.gather(2, at), rows.lowest.gather(2, at)).movedim(1, 2)
    points = rows.points[row, node]
    return points.scatter(3, pixel.view(*pixel.shape, 1, 1).expand(-1, -1, colours, 1), value.unsqueeze(3))


def _bits(number: Tensor, count: int) -> Tensor:
    """Write numbers (...) in binary, (..., count) bool."""
    return (number.unsqueeze(-1) >> torch.arange(count, device=number.device)) % 2 == 1
