"""Breed recordings from one another: children take stretches of two parents, and mutate by bursts of one frequency."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import wide
from unfooled.core.target import Objective
from unfooled.core.threat import Ball

from .candidates import ask_all
from .keeper import Keeper
from .windows import Window, coloured, ends, frame

_BRIEFEST = 1 / 64  # of all that may change, what a stretch covers
_FAINTEST = 1 / 20  # of the radius, how loud a burst is
_FARTHEST = 1 / 4  # of all that may change, how far a stretch moves
_KEPT, _GAIN = 0.9, 0.02
"""What a generation leaves of the chance of a mutation, and what the inverse of the loss that it gained adds to it."""


class _Open(NamedTuple):
    """The rows still open.

    `owner` (r,), points `alive` (r, p, ...), the fittest first, their `fitness` (r, p), the `chance` (r,) of a
    further mutation, the values that `may` change, (r, ...), and the window around them.
    """

    owner: Tensor
    alive: Tensor
    fitness: Tensor
    chance: Tensor
    may: Tensor
    around: Window

    def rows(self, index: Tensor) -> _Open:
        return _Open(
            self.owner[index],
            self.alive[index],
            self.fitness[index],
            self.chance[index],
            self.may[index],
            self.around.rows(index),
        )


def breed_points(keeper: Keeper[Ball], objective: Objective, queries: int, *, population: int, bursts: int) -> None:
    """Let points have children, one query each; the fittest of old and young stay alive.

    Args:
        keeper: Holds the problem.
        objective: What to climb.
        queries: Most queries of an example, 0 or more.
        population: Points alive at a time, 2 or more.
        bursts: Most bursts of one child, 1 or more.
    """
    problem = keeper.problem
    rows = _opened(keeper, population)
    for generation in range(-(-queries // population)):
        if not len(rows.owner):
            return
        x = problem.x.rows(rows.owner)
        lots = problem.draws.uniform((population, bursts + 1, 6), x.ids, "born", generation).double()
        young = _born(problem.within, rows, x, lots, first=not generation)
        wanted = torch.arange(population, device=x.ids.device) + generation * population < queries

        def make(some: Tensor, which: Tensor, young: Tensor = young) -> Tensor:
            return young[some][:, which]

        told, going_on = ask_all(keeper, objective, rows.owner, wanted.expand(len(x), -1), make)
        rows = _selected(rows, young, told).rows(going_on)


def _opened(keeper: Keeper[Ball], population: int) -> _Open:
    problem, owner = keeper.problem, keeper.open()
    x, begin = problem.x.rows(owner), problem.beginning(owner).values
    lowest, highest = ends(problem.within, x, limited=False)
    alive = begin.unsqueeze(1).expand(-1, population, *begin.shape[1:])
    fitness = torch.full((len(x), population), -torch.inf, device=begin.device)
    chance = torch.ones_like(owner, dtype=torch.float64)
    return _Open(owner, alive, fitness, chance, lowest != highest, frame(coloured(lowest != highest)))


def _born(within: Ball, rows: _Open, x: Batch, lots: Tensor, *, first: bool) -> Tensor:
    """Make children by lots (r, p, 1 + bursts, 6); the very first is where the search begins."""
    population, bursts = lots.shape[1], lots.shape[2] - 1
    mutates = (lots[:, :, 1:, 5] < rows.chance.view(-1, 1, 1)) | (torch.arange(bursts, device=x.ids.device) == 0)
    if first:
        mutates[:, 0] = False
    many = x.rows(torch.arange(len(x), device=x.ids.device).repeat_interleave(population))
    points = _crossed(rows, x, lots[:, :, 0]).flatten(0, 1)
    for burst in range(bursts):
        made = _burst(rows, lots[:, :, burst + 1], rows.alive).flatten(0, 1)
        size = within.distance(many.holding(many.values + made), many).clamp(min=1e-30)
        loud = min(within.radius, within.high - within.low) * _FAINTEST ** lots[:, :, burst + 1, 4]
        points = points + wide(loud.flatten() / size * mutates[:, :, burst].flatten(), made).to(made.dtype) * made
    return within.project(many.holding(points), many).values.view(rows.alive.shape)


def _crossed(rows: _Open, x: Batch, lots: Tensor) -> Tensor:
    """Give each child one parent's change, and in a stretch another's, half of the time from elsewhere in it."""
    one, other = ((lots[..., k].square() * rows.alive.shape[1]).long() for k in (0, 1))
    row = torch.arange(len(x), device=one.device).unsqueeze(1)
    change, clean = rows.alive - x.values.unsqueeze(1), x.values.unsqueeze(1)
    middle, half, time = _stretch(rows, lots[..., 2:4], change)
    moved = (lots[..., 4] - 0.5) * (lots[..., 5] < 0.5) * _FARTHEST * 2 * rows.around.side[:, -1:]
    source = (time - _like(moved, change).round()).long() % change.shape[-1]
    taken = change[row, other].gather(-1, source.expand(change.shape)) * rows.may.unsqueeze(1)
    inside = (time - middle).abs() < half
    return torch.where(inside, clean + taken, rows.alive[row, one])


def _burst(rows: _Open, lots: Tensor, like: Tensor) -> Tensor:
    """Make waves of one frequency that swell and fade, (r, p, ...), up to 1."""
    middle, half, time = _stretch(rows, lots[..., :2], like)
    away = (time - middle) / half.clamp(min=1)
    swell = torch.where(away.abs() < 1, torch.cos(math.pi / 2 * away).square(), 0.0)
    turns = _like(lots[..., 2], like) / 2 * (time - middle) + _like(lots[..., 3], like)
    made = swell * torch.cos(2 * math.pi * turns)
    return made.to(like.dtype) * rows.may.unsqueeze(1)


def _stretch(rows: _Open, lots: Tensor, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw stretches by lots (r, p, 2): their middle, half their length, and the places of all values."""
    side, begin = (_like(one[:, -1:], like) for one in (rows.around.side, rows.around.begin))
    middle = begin + _like(lots[..., 0], like) * side
    half = side / 2 * _BRIEFEST ** _like(lots[..., 1], like)
    return middle, half, torch.arange(like.shape[-1], device=like.device).double()


def _like(one: Tensor, like: Tensor) -> Tensor:
    """Shape numbers (r, p) or (r, 1) so that they broadcast over `like` (r, p, ...)."""
    return one.view(*one.shape, *[1] * (like.ndim - 2))


def _selected(rows: _Open, young: Tensor, told: Tensor) -> _Open:
    """Keep the fittest of old and young; the less was gained, the likelier mutations become."""
    fitness, order = torch.cat([rows.fitness, told], dim=1).sort(dim=1, descending=True, stable=True)
    kept = order[:, : rows.alive.shape[1]]
    row = torch.arange(len(kept), device=kept.device).unsqueeze(1)
    alive = torch.cat([rows.alive, young], dim=1)[row, kept]
    gained = (fitness[:, 0] - rows.fitness[:, 0]).double().nan_to_num().clamp(min=_GAIN)
    chance = (_KEPT * rows.chance + _GAIN / gained).clamp(max=1)
    return rows._replace(alive=alive, fitness=fitness[:, : kept.shape[1]], chance=chance)
