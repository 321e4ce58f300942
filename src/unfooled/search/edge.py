"""What searches by labels alone share: a first success, the way back from it, and the slope of the boundary."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import unit, wide

from .asking import Asking
from .waves import noise_of

_VALUES = 2**17  # of an example's probes in one pass: more would take memory and bring nothing
_BETWEEN = 3  # points of a bracket that are asked about at once: two halvings for three queries
_DRAWS = 60  # starts that are tried in noise, and as many at most among the attacker's own pictures

Path = Callable[[Tensor, Tensor], Tensor]
"""Rows (s,) and how far along (s,) -> points (s, ...)."""


def started(asking: Asking) -> tuple[Tensor, Batch]:
    """Find a success of each example, however far.

    Where the problem begins, or else at pictures of the attacker's own, or else in noise of several kinds. Noise is
    seldom read as one wanted class: where it never is, own pictures are needed. No other example serves, since an
    answer must not hang on who else is asked about.

    Returns:
        Who has a success at a distance from the clean example, (r,), and these successes, (r, ...).
    """
    problem = asking.keeper.problem
    owner = asking.keeper.open()
    found = problem.beginning(problem.everyone()).copied()
    fooled = torch.zeros_like(problem.y, dtype=torch.bool)
    for start in _starts(asking):
        owner = owner[(asking.left(owner) > 0) & ~fooled[owner] & (asking.keeper.distance(owner) > 0)]
        if not len(owner):
            break
        x_t = start(owner)
        reached = asking.fooled(owner, x_t.values.unsqueeze(1)).flatten()
        found.values[owner[reached]] = x_t.values[reached]
        fooled[owner[reached]] = True
    owner = (fooled & (asking.keeper.distance(problem.everyone()) > 0)).nonzero().flatten()
    return owner, found.rows(owner)


def _starts(asking: Asking) -> Iterator[Callable[[Tensor], Batch]]:
    """List what gives some owners a start each."""
    problem = asking.keeper.problem
    yield problem.beginning
    if problem.starts is not None:
        for pick in range(min(len(problem.starts), _DRAWS)):
            yield partial(_own, asking, problem.starts, pick)
    for draw in range(_DRAWS):
        yield partial(_noise, asking, draw)


def _own(asking: Asking, starts: Tensor, pick: int, owner: Tensor) -> Batch:
    """Take pictures of the attacker's own, (r, ...): each example begins at a lot of its own and takes turns."""
    problem = asking.keeper.problem
    x, free = problem.x.rows(owner), problem.within.resized(math.inf)
    lots = (problem.draws.uniform((1,), x.ids, "own start", 0).flatten() * len(starts)).long()
    picked = starts.to(x.values)[(lots + pick) % len(starts)]
    start: Batch = free.project(x.holding(picked), x)
    return start


def _noise(asking: Asking, draw: int, owner: Tensor) -> Batch:
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
    x, free = problem.x.rows(owner), problem.within.resized(math.inf)
    high = problem.within.distance(x_t, x)

    def path(row: Tensor, far: Tensor) -> Tensor:
        there: Tensor = free.project(x_t.rows(row), x.rows(row), far).values
        return there

    values = narrowed(asking, owner, x_t.values, path, (torch.zeros_like(high), high), tolerance=tolerance)
    return x_t.holding(values)


def narrowed(
    asking: Asking, owner: Tensor, values: Tensor, path: Path, ends: tuple[Tensor, Tensor], *, tolerance: float
) -> Tensor:
    """Bisect along a path, each row by itself, for the success that lies next to the end where there is none.

    Args:
        asking: Asks.
        owner: Whose path each is, (r,).
        values: Successes at the second end, (r, ...).
        path: Gives points.
        ends: How far along no success is looked for, and how far along there is one, (r,) each.
        tolerance: How sharply a place on the path is told, as a share of it.

    Returns:
        The successes found, (r, ...).
    """
    values, (bad, good) = values.clone(), (end.clone() for end in ends)
    shares = torch.arange(1, _BETWEEN + 1, device=good.device) / (_BETWEEN + 1)
    while True:
        row = (((good - bad).abs() > tolerance * good) & (asking.left(owner) > 0)).nonzero().flatten()
        if not len(row):
            return values
        at = bad[row].unsqueeze(1) + (good - bad)[row].unsqueeze(1) * shares
        tries = path(row.repeat_interleave(_BETWEEN), at.flatten())
        tries = tries.view(len(row), _BETWEEN, *tries.shape[1:])
        fooled = asking.fooled(owner[row], tries)
        first, some = fooled.to(torch.int8).argmax(dim=1), fooled.any(dim=1)
        edges = torch.cat([bad[row].unsqueeze(1), at, good[row].unsqueeze(1)], dim=1)
        place = torch.where(some, first, _BETWEEN).unsqueeze(1)
        bad[row], good[row] = edges.gather(1, place).flatten(), edges.gather(1, place + 1).flatten()
        values[row[some]] = tries[some, first[some]]


def sloped(
    asking: Asking, owner: Tensor, x_t: Batch, size: Tensor, *, looks: int, step: int, waves: float | None = None
) -> Tensor:
    """Estimate at points of the boundary which way the model is fooled more, (r, ...).

    Args:
        asking: Asks.
        owner: Whose points they are, (r,).
        x_t: The points, (r, ...).
        size: How far off to ask, by L2, (r,).
        looks: Most queries of an example.
        step: Number of the estimate, for its draws.
        waves: Share of the frequencies of each axis that probes are made of; None for all.
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
        noise = noise_of(problem.draws, x, number, waves, tag=f"hop {step}", draw=begin)
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
