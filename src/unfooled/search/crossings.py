"""Where walks along the boundary begin: where it seems to be, seen from the clean example, and at random."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import inner
from unfooled.core.threat import Ball, Loss

from .keeper import Keeper
from .polish import beyond
from .rivals import likeliest_others
from .transforms import chained

_SPREAD = 2.0


class Crossing(NamedTuple):
    """One point an example, (n, ...), and its distance (n,): infinite where there is none."""

    values: Tensor
    far: Tensor


def crossings(keeper: Keeper[Ball], margin: Loss, count: int) -> list[Crossing]:
    """Find the nearest points of the linearised boundaries towards the likeliest other classes.

    Costs `count` forwards and backwards an example, and a forward where no hint tells which classes are likeliest;
    less under a goal that names its own class, where all these boundaries are one.

    Args:
        keeper: Holds the problem; learns of examples that need no change.
        margin: The loss to linearise.
        count: Most classes to look at.

    Returns:
        As many crossings as there are classes to look at: everybody's nearest, then the second.
    """
    problem = keeper.problem
    values = [problem.x.values]
    far: list[Tensor] = []
    for toward in likeliest_others(problem, count):
        owner = keeper.open()
        if far:
            owner = owner[far[-1][owner].isfinite()]
        values.append(problem.x.values.clone())
        far.append(torch.full((len(problem.x),), torch.inf, dtype=torch.float64, device=problem.y.device))
        if len(owner):
            x_t, distance = _crossed(keeper, margin, toward, owner)
            same = (x_t == values[-2][owner]).flatten(1).all(dim=1)
            values[-1][owner], far[-1][owner] = x_t, torch.where(same, torch.inf, distance)
    if not far:
        return []
    order = torch.stack(far, dim=1).argsort(dim=1, stable=True)
    rows = problem.everyone().unsqueeze(1)
    nearest_first = torch.stack(values[1:], dim=1)[rows, order], torch.stack(far, dim=1)[rows, order]
    return [Crossing(*one) for one in zip(*(both.unbind(dim=1) for both in nearest_first), strict=True)]


def _crossed(keeper: Keeper[Ball], margin: Loss, toward: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
    problem = keeper.problem
    x, x_t = problem.x.rows(owner), problem.beginning(owner)
    seen = problem.target.gradient(x_t, problem.objective(margin, toward), owner)
    keeper.keep(owner, x_t, seen.loss, seen.answer)
    grad = chained((), 0)(seen.grad, owner)
    gap = inner(grad, x_t.values.double() - x.values.double()) + beyond(seen.answer, seen.loss)
    crossed = problem.within.cross(x, grad, gap)
    level = inner(grad, grad) == 0  # no way leads there from here
    far = problem.within.distance(crossed, x).masked_fill(level, torch.inf)
    return problem.within.project(crossed, x).values, far


def begun(keeper: Keeper[Ball], owner: Tensor, known: list[Crossing], k: int) -> Batch:
    """Say where the walk number k begins, (r, ...).

    Every other one begins at a crossing, the nearest first. The rest, and where there are no more, begin at random:
    twice as far from x as the nearest success, or anywhere where there is none yet.
    """
    problem, x = keeper.problem, keeper.problem.x.rows(owner)
    if k % 2 == 0 and k // 2 < len(known):
        crossing = known[k // 2]
        begin, apart = crossing.values[owner], crossing.far[owner].isinf()
    else:
        begin, apart = x.values.clone(), torch.ones_like(owner, dtype=torch.bool)
    if bool(apart.any()):
        away, within = x.rows(apart), problem.within
        noise = problem.draws.normal(tuple(x.values.shape[1:]), away.ids, "walk", k)
        anywhere = away.holding(away.values + (within.high - within.low) * noise)
        radius = (_SPREAD * keeper.distance(owner[apart])).clamp(max=within.radius)
        begin[apart] = within.project(anywhere, away, radius).values
    return x.holding(begin)
