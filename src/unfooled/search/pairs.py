"""Estimate gradients from pairs of points on opposite sides, and climb them with a pace that slows down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import unit, wide
from unfooled.core.target import Objective
from unfooled.core.threat import Ball

from .candidates import ask_near
from .estimate import blended
from .keeper import Keeper

_WAIT = 5  # steps by which it is told whether the loss still grows
_SLOWEST = 0.01  # of the first pace


@dataclass(frozen=True)
class Pairs:
    """How a search asks and walks.

    Attributes:
        samples: Points behind each estimate, two for a direction, 2 or more.
        probe: How far from a point to ask by L2, as a share of the range times the root of the number of values.
        step: Length of the first step as a share of the radius, or of the range where that is less.
        inertia: Share of the old mean of estimates that each step keeps, 0 to below 1.
    """

    samples: int
    probe: float
    step: float
    inertia: float


class _Open(NamedTuple):
    """The rows still open.

    `owner` (r,), `point` (r, ...) and the `mean` of its estimates, queries `left` (r,), the `pace` (r,) as a share of
    the first one, and the last losses (r, _WAIT), the newest at the end.
    """

    owner: Tensor
    point: Tensor
    mean: Tensor
    left: Tensor
    pace: Tensor
    levels: Tensor

    def rows(self, index: Tensor) -> _Open:
        return _Open(*(field[index] for field in self))


def climb_pairs(keeper: Keeper[Ball], objective: Objective, queries: int, plan: Pairs) -> None:
    """Ask about the best point known and pairs around it, step along the mean of the estimates, and so on.

    Where the loss has not grown over some steps the pace is halved. Points asked about may lie a little outside the
    set, and outside the range of inputs; they are never kept.

    Args:
        keeper: Holds the problem, and points found earlier, where there are any.
        objective: What to climb.
        queries: Most queries of an example, 0 or more.
        plan: How to ask and walk.
    """
    problem, owner = keeper.problem, keeper.open()
    within, begin = problem.within, keeper.proposals(owner).values
    none = torch.zeros_like(owner, dtype=torch.float64)
    levels = torch.full((len(owner), _WAIT), -torch.inf, device=begin.device)
    rows = _Open(owner, begin, torch.zeros_like(begin), torch.full_like(owner, queries), none + 1, levels)
    turn = 0
    while bool((rows.left > 0).any()):
        left, told, going_on = ask_near(keeper, objective, rows.owner, rows.left, rows.point.unsqueeze(1), inside=True)
        levels = torch.cat([rows.levels[:, 1:], told], dim=1)
        rows = _slowed(rows._replace(left=left, levels=levels)).rows(going_on)
        x = problem.x.rows(rows.owner)
        ways = _directions(keeper, x, plan, turn)
        points = torch.cat([rows.point.unsqueeze(1) + ways, rows.point.unsqueeze(1) - ways], dim=1)
        left, told, going_on = ask_near(keeper, objective, rows.owner, rows.left, points, inside=False)
        grad = blended(_differences(told), ways)
        mean = plan.inertia * rows.mean + (1 - plan.inertia) * unit(grad)
        steepest = within.steepest(mean, x.holding(rows.point), x)
        step = plan.step * min(within.radius, within.high - within.low) * rows.pace
        moved = x.holding(rows.point + wide(step, mean).to(mean.dtype) * steepest)
        point = within.project(moved, x).values
        rows, turn = rows._replace(point=point, mean=mean, left=left).rows(going_on), turn + 1


def _directions(keeper: Keeper[Ball], x: Batch, plan: Pairs, turn: int) -> Tensor:
    """Draw directions in which the set lets an example move, (r, samples / 2, ...), as long as the probe."""
    count, within = plan.samples // 2, keeper.problem.within
    drawn = keeper.problem.draws.normal((count, *x.values.shape[1:]), x.ids, "pairs", turn)
    many = x.rows(torch.arange(len(x), device=x.ids.device).repeat_interleave(count))
    dense = torch.ones(len(many), dtype=torch.float64, device=x.ids.device)
    ways = unit(within.steepest(drawn.flatten(0, 1), many, many, dense))
    far = plan.probe * (within.high - within.low) * math.sqrt(x.values[:1].numel())
    return far * ways.view_as(drawn)


def _differences(told: Tensor) -> Tensor:
    """Tell how much more one side of each pair is worth than the other, (r, m / 2); 0 where that is not known."""
    one, other = told.double().chunk(2, dim=1)
    return (one - other).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def _slowed(rows: _Open) -> _Open:
    """Halve the pace where the loss has not grown over some steps, and wait as long before the next time."""
    stuck = rows.levels[:, -1] < rows.levels[:, 0]
    levels = torch.where(stuck.unsqueeze(1), -torch.inf, rows.levels)
    levels[:, -1] = rows.levels[:, -1]
    return rows._replace(pace=torch.where(stuck, rows.pace / 2, rows.pace).clamp(min=_SLOWEST), levels=levels)
