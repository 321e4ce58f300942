"""Hop along the boundary towards the clean example, by labels alone: many probes of many examples at once."""

from __future__ import annotations

import math
from itertools import count

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import unit, wide
from unfooled.core.threat import Ball

from .asking import Asking
from .keeper import Keeper

_VALUES = 2**17  # of an example's probes in one pass: more would take memory and bring nothing
_BETWEEN = 3  # points of a bracket that are asked about at once: two halvings for three queries
_SHRINKS = 4  # lengths of a step that are asked about at once, each half the one before
_DRAWS = 60  # starts that are tried


def hop(keeper: Keeper[Ball], queries: int, probes: int, tolerance: float) -> None:
    """Go to the boundary, ask around to learn its slope, hop off against it, and so on until nothing is left to ask.

    Args:
        keeper: Looks for the nearest success; holds the problem.
        queries: Most queries of an example, 0 or more.
        probes: Queries of the first look at the slope, 1 or more; the look number t has as many times the root of t.
        tolerance: How sharply a distance is told, as a share of it.
    """
    problem, asking = keeper.problem, Asking(keeper, queries)
    owner, x_t = _started(asking)
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


def _started(asking: Asking) -> tuple[Tensor, Batch]:
    """Find a success of each example, however far: where the problem begins, or else in noise of several kinds."""
    problem = asking.keeper.problem
    owner = asking.keeper.open()
    found = problem.beginning(problem.everyone()).copied()
    fooled = torch.zeros_like(problem.y, dtype=torch.bool)
    for draw in range(-1, _DRAWS):
        owner = owner[(asking.left(owner) > 0) & ~fooled[owner] & (asking.keeper.distance(owner) > 0)]
        if not len(owner):
            break
        x_t = problem.beginning(owner) if draw < 0 else _noise(asking, owner, draw)
        reached = asking.fooled(owner, x_t.values.unsqueeze(1)).flatten()
        found.values[owner[reached]] = x_t.values[reached]
        fooled[owner[reached]] = True
    owner = (fooled & (asking.keeper.distance(problem.everyone()) > 0)).nonzero().flatten()
    return owner, found.rows(owner)


def _noise(asking: Asking, owner: Tensor, draw: int) -> Batch:
    """Draw the start number `draw`, (r, ...): noise over the range, its corners, or blocks of these that all grow."""
    problem = asking.keeper.problem
    within, x = problem.within, problem.x.rows(owner)
    shape = tuple(x.values.shape[1:])
    drawn = problem.draws.uniform(shape, x.ids, "hop start", draw)
    if draw % 3 and len(shape) > 1:
        side = max(1, min(shape[-2:]) >> (1 + draw % 4))
        rows, columns = (torch.arange(size, device=x.ids.device) // side * side for size in shape[-2:])
        drawn = drawn[..., rows, :][..., columns]
    drawn = drawn.round() if draw % 2 else drawn
    free = within.resized(math.inf)
    start: Batch = free.project(x.holding((within.low + (within.high - within.low) * drawn).to(x.values.dtype)), x)
    return start


def bisected(asking: Asking, owner: Tensor, x_t: Batch, tolerance: float) -> Batch:
    """Draw successes (r, ...) back towards the clean example as far as they stay successes, (r, ...)."""
    problem = asking.keeper.problem
    x, values = problem.x.rows(owner), x_t.values.clone()
    high = problem.within.distance(x_t, x)
    low = torch.zeros_like(high)
    shares = torch.arange(1, _BETWEEN + 1, device=high.device) / (_BETWEEN + 1)
    while True:
        row = ((high - low > tolerance * high) & (asking.left(owner) > 0)).nonzero().flatten()
        if not len(row):
            return x_t.holding(values)
        at = low[row].unsqueeze(1) + (high - low)[row].unsqueeze(1) * shares
        several = row.repeat_interleave(_BETWEEN)
        tries = problem.within.resized(math.inf).project(x_t.rows(several), x.rows(several), at.flatten()).values
        tries = tries.view(len(row), _BETWEEN, *tries.shape[1:])
        fooled = asking.fooled(owner[row], tries)
        first, some = fooled.to(torch.int8).argmax(dim=1), fooled.any(dim=1)
        edges = torch.cat([low[row].unsqueeze(1), at, high[row].unsqueeze(1)], dim=1)
        place = torch.where(some, first, _BETWEEN).unsqueeze(1)
        low[row], high[row] = edges.gather(1, place).flatten(), edges.gather(1, place + 1).flatten()
        values[row[some]] = tries[some, first[some]]


def sloped(asking: Asking, owner: Tensor, x_t: Batch, size: Tensor, *, looks: int, step: int) -> Tensor:
    """Estimate at points of the boundary which way the model is fooled more, (r, ...).

    Args:
        asking: Asks.
        owner: Whose points they are, (r,).
        x_t: The points, (r, ...).
        size: How far off to ask, by L2, (r,).
        looks: Most queries of an example.
        step: Number of the estimate, for its draws.
    """
    problem = asking.keeper.problem
    x, shape = problem.x.rows(owner), tuple(x_t.values.shape[1:])
    free = problem.within.resized(math.inf)
    block = max(1, min(looks, _VALUES // math.prod(shape)))
    plain, signed = torch.zeros_like(x_t.values), torch.zeros_like(x_t.values)
    votes, asked = torch.zeros_like(size), torch.zeros_like(size)
    for begin in range(0, looks, block):
        number = min(block, looks - begin)
        asks = asking.afforded(owner, number)
        if not bool(asks.any()):
            break
        noise = problem.draws.normal((number, *shape), x.ids, f"hop {step}", begin)
        several = torch.arange(len(owner), device=owner.device).repeat_interleave(number)
        off = wide(size[several], x_t.values).to(noise.dtype) * unit(noise.flatten(0, 1))
        base = x_t.rows(several)
        tries = free.project(base.holding(base.values + off), x.rows(several)).values.view(noise.shape)
        sign = torch.where(asking.fooled(owner, tries), 1.0, -1.0) * asks
        for k in range(number):  # one after the other: a sum's order must not hang on how many rows there are
            moved = (tries[:, k] - x_t.values) * wide(asks[:, k], x_t.values)
            plain += moved
            signed += wide(sign[:, k], moved).to(moved.dtype) * moved
            votes += sign[:, k]
            asked += asks[:, k]
    mean = votes / asked.clamp(min=1)
    lone = mean.abs() == 1  # all say the same: there is nothing to compare with
    return signed - wide(torch.where(lone, 0.0, mean), plain).to(plain.dtype) * plain


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
