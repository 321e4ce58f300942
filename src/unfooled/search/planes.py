"""Take the boundary for a plane, learn which by asking around, and go straight to it from the clean example."""

from __future__ import annotations

from itertools import count

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner, wide
from unfooled.core.threat import Ball

from .asking import Asking
from .edge import bisected, narrowed, sloped, started
from .keeper import Keeper


def cross_planes(keeper: Keeper[Ball], queries: int, probes: int, tolerance: float, waves: float | None) -> None:
    """Estimate the slope at a point of the boundary, cross the plane that it tells of, and so on from there.

    An estimate that led no nearer is added to by the next one.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        queries: Most queries of an example, 0 or more.
        probes: Queries of the first estimate, 1 or more; the estimate number t has as many times the root of t.
        tolerance: How sharply a distance is told, as a share of it.
        waves: Share of the frequencies that probes are made of; None for all.
    """
    problem, asking = keeper.problem, Asking(keeper, queries)
    owner, x_t = started(asking)
    x_t = bisected(asking, owner, x_t, tolerance)
    normal = torch.zeros_like(x_t.values)
    for step in count(1):
        going_on = asking.left(owner) > 0
        owner, x_t, normal = owner[going_on], x_t.rows(going_on), normal[going_on]
        if not len(owner):
            return
        x = problem.x.rows(owner)
        off = problem.within.distance(x_t, x) * (tolerance * x.values[0].numel() ** 0.5)
        looks = round(probes * step**0.5)
        normal = normal + sloped(asking, owner, x_t, off, looks=looks, step=step, waves=waves)
        x_t, moved = _crossed(asking, owner, x_t, normal, tolerance)
        normal = torch.where(wide(moved, normal), 0.0, normal)


def _crossed(asking: Asking, owner: Tensor, x_t: Batch, normal: Tensor, tolerance: float) -> tuple[Batch, Tensor]:
    """Find the nearest success among the nearest points of parallel planes; tells who came nearer by it, (r,) bool.

    The plane through the point known is number 1, the one through the clean example number 0. As the boundary bends,
    planes further off are tried too, as long as their nearest points can be nearer than the point known.
    """
    problem = asking.keeper.problem
    x, within = problem.x.rows(owner), problem.within
    gap = inner(normal, x_t.values - x.values)

    def path(row: Tensor, plane: Tensor) -> Tensor:
        there: Tensor = within.cross(x.rows(row), normal[row], plane * gap[row]).values
        return there

    everyone = torch.arange(len(owner), device=owner.device)
    far = within.distance(x_t, x)
    nearest = within.distance(x.holding(path(everyone, torch.ones_like(far))), x)
    row = ((gap > 0) & (nearest > 0) & (nearest < far) & (asking.left(owner) > 0)).nonzero().flatten()
    most = ((far / nearest)[row] * (1 - tolerance)).clamp(min=1)
    planes = torch.stack([torch.zeros_like(most), torch.ones_like(most), most.sqrt(), most], dim=1)
    tries = path(row.repeat_interleave(3), planes[:, 1:].flatten())
    tries = tries.view(len(row), 3, *tries.shape[1:])
    fooled = asking.fooled(owner[row], tries)
    some, first = fooled.any(dim=1), fooled.to(torch.int8).argmax(dim=1, keepdim=True)
    found, begun = row[some], tries[some, first.flatten()[some]]
    bad, good = planes.gather(1, first).flatten()[some], planes.gather(1, first + 1).flatten()[some]
    reached = narrowed(
        asking, owner[found], begun, lambda part, at: path(found[part], at), (bad, good), tolerance=tolerance
    )
    moved = torch.zeros_like(gap, dtype=torch.bool)
    moved[found] = within.distance(x.rows(found).holding(reached), x.rows(found)) < far[found]
    values = x_t.values.clone()
    values[moved] = reached[moved[found]]
    return x_t.holding(values), moved
