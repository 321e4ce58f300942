"""Turn towards the clean example along arcs on which every point is nearer, by labels alone and with no slope."""

from __future__ import annotations

import math
from itertools import count

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner, length, unit, wide
from unfooled.core.threat import Ball

from .asking import Asking
from .edge import Path, bisected, narrowed, started
from .keeper import Keeper
from .waves import noise_of
from .windows import ends

_WIDER, _NARROWER = 1.25, 0.8  # times the tangent, after a success and after a failure: about as many of each


def turn_along_arcs(keeper: Keeper[Ball], queries: int, tangent: float, tolerance: float, waves: float | None) -> None:
    """Try one random plane after the other through the clean example and the success known.

    In such a plane the points at an angle from that success, nearer to the clean example by the angle's cosine, lie
    on a circle through both. Where the boundary is flat, a small turn one way or the other is a success. Angles are
    told by their tangents, by which the circle takes no more than a division.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        queries: Most queries of an example, 0 or more.
        tangent: Of the first angle tried, above 0 to 1.
        tolerance: How sharply a tangent is told, as a share of it.
        waves: Share of the frequencies of which planes are made; None for all.
    """
    problem, asking = keeper.problem, Asking(keeper, queries)
    owner, x_t = started(asking)
    x_t = bisected(asking, owner, x_t, tolerance)
    turn = torch.full_like(owner, tangent, dtype=torch.float64)
    for draw in count():
        going_on = asking.left(owner) > 0
        owner, x_t, turn = owner[going_on], x_t.rows(going_on), turn[going_on]
        if not len(owner):
            return
        x = problem.x.rows(owner)
        noise = noise_of(problem.draws, x, 1, waves, tag="arcs", draw=draw).squeeze(1)
        values, turned = _turned(asking, owner, _arc(problem.within, x, x_t, noise), turn, tolerance)
        x_t = x_t.holding(torch.where(wide(turned, values), values, x_t.values))
        turn = (turn * torch.where(turned, _WIDER, _NARROWER)).clamp(max=1)


def _arc(within: Ball, x: Batch, x_t: Batch, noise: Tensor) -> Path:
    """Make arcs from successes (r, ...) in the planes that noise (r, ...) spans with them, by the angle's tangent."""
    lowest, highest = ends(within, x, limited=False)
    way, free = x_t.values - x.values, within.resized(math.inf)
    ray, noise = unit(way), noise * (lowest != highest)
    side = unit(noise - ray * wide(inner(noise, ray), ray).to(ray.dtype))
    side = side * wide(length(way), side).to(side.dtype)

    def path(row: Tensor, tangent: Tensor) -> Tensor:
        clean, part = x.rows(row), wide(tangent, way).to(way.dtype)
        moved = (way[row] + part * side[row]) / (1 + part.square())
        return free.project(clean.holding(clean.values + moved), clean).values

    return path


def _turned(asking: Asking, owner: Tensor, arc: Path, turn: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Turn either way, and where that is a success (r,) further, up to twice the tangent; gives points (r, ...) too."""
    everyone = torch.arange(len(owner), device=owner.device).repeat_interleave(2)
    tries = arc(everyone, torch.stack([turn, -turn], dim=1).flatten())
    tries = tries.view(len(owner), 2, *tries.shape[1:])
    fooled = asking.fooled(owner, tries)
    some, way = fooled.any(dim=1), fooled.to(torch.int8).argmax(dim=1)
    row, values = some.nonzero().flatten(), tries[:, 0].clone()
    sign = torch.where(way[row] == 0, 1.0, -1.0)
    bracket = 2 * turn[row], turn[row]
    values[row] = narrowed(
        asking, owner[row], tries[row, way[row]], lambda part, at: arc(row[part], sign[part] * at), bracket,
        tolerance=tolerance,
    )  # fmt: skip
    return values, some
