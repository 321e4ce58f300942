"""Hop along the boundary towards the clean example, by labels alone: many probes of many examples at once."""

from __future__ import annotations

import math
from itertools import count

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import wide
from unfooled.core.threat import Ball

from .asking import Asking
from .edge import bisected, sloped, started
from .keeper import Keeper

_SHRINKS = 4  # lengths of a step that are asked about at once, each half the one before


def hop(keeper: Keeper[Ball], queries: int, probes: int, tolerance: float) -> None:
    """Go to the boundary, ask around to learn its slope, hop off against it, and so on until nothing is left to ask.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        queries: Most queries of an example, 0 or more.
        probes: Queries of the first look at the slope, 1 or more; the look number t has as many times the root of t.
        tolerance: How sharply a distance is told, as a share of it.
    """
    problem, asking = keeper.problem, Asking(keeper, queries)
    owner, x_t = started(asking)
    normal = torch.zeros_like(x_t.values)
    for step in count(1):
        x_t = bisected(asking, owner, x_t, tolerance)
        going_on = asking.left(owner) > 0
        owner, x_t, normal = owner[going_on], x_t.rows(going_on), normal[going_on]
        if not len(owner):
            return
        x = problem.x.rows(owner)
        far = problem.within.distance(x_t, x)
        looks, apart = round(probes * step**0.5), tolerance * x.values[0].numel() ** 0.5
        normal = sloped(asking, owner, x_t, far * apart, looks=looks, step=step)
        x_t = _hopped(asking, owner, x_t, normal, far / step**0.5)


def _hopped(asking: Asking, owner: Tensor, x_t: Batch, normal: Tensor, size: Tensor) -> Batch:
    """Step off the boundary as far as the model is fooled there, at most by `size` (r,); stay where it is nowhere."""
    problem = asking.keeper.problem
    x, within = problem.x.rows(owner), problem.within
    way = within.steepest(normal, x_t, x)
    values = x_t.values.clone()
    halvings = torch.arange(_SHRINKS, device=size.device)
    for turn in range(3):
        row = ((values == x_t.values).flatten(1).all(dim=1) & (asking.left(owner) > 0)).nonzero().flatten()
        if not len(row):
            break
        several = row.repeat_interleave(_SHRINKS)
        reach = (size[row].unsqueeze(1) * 0.5 ** (halvings + turn * _SHRINKS)).flatten()
        moved = x_t.values[several] + wide(reach, values).to(values.dtype) * way[several].to(values.dtype)
        tries = within.resized(math.inf).project(x_t.rows(several).holding(moved), x.rows(several)).values
        tries = tries.view(len(row), _SHRINKS, *tries.shape[1:])
        fooled = asking.fooled(owner[row], tries)
        some, first = fooled.any(dim=1), fooled.to(torch.int8).argmax(dim=1)
        values[row[some]] = tries[some, first[some]]
    return x_t.holding(values)
