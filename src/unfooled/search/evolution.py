"""Differential evolution of few pixels: places and colours breed, and a better child takes its parent's place."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.pixels import by_pixel
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball, Loss

from .candidates import ask_all
from .keeper import Keeper
from .windows import Window, coloured, ends, frame

_STEP = 0.5  # of the difference between two parents


def evolve_pixels(keeper: Keeper[Ball], loss: Loss, queries: int, *, pixels: int, population: int) -> None:
    """Breed changes of so many pixels, one query a child.

    A change is a list of pixels, each with its place and its colours. A child is one random parent plus half the
    difference between two others, and stands against one parent of its own.

    Args:
        keeper: Holds the problem.
        loss: What to climb.
        queries: Most queries of an example, 0 or more.
        pixels: How many pixels a change has, 1 or more.
        population: Changes alive at a time, 4 or more.
    """
    problem, owner = keeper.problem, keeper.open()
    objective, draws = problem.objective(loss), problem.draws
    x = problem.x.rows(owner)
    around = frame(_may_change(problem.within, x))
    shape = (population, pixels, around.side.shape[1] + by_pixel(x.values).shape[1])
    genes = fitness = torch.empty(0)
    for generation in range(-(-queries // population)):
        if not len(owner):
            return
        born = _bred(genes, draws, x, generation) if generation else draws.uniform(shape, x.ids, "genes")
        first = torch.arange(population, device=owner.device) + generation * population
        wanted = (first < queries).expand(len(owner), -1)

        def make(rows: Tensor, some: Tensor, born: Tensor = born, x: Batch = x, around: Window = around) -> Tensor:
            return _painted(problem.within, x.rows(rows), around.rows(rows), born[rows][:, some])

        told, going_on = ask_all(keeper, objective, owner, wanted, make)
        better = told > fitness if generation else torch.ones_like(told, dtype=torch.bool)
        fitness = torch.where(better, told, fitness) if generation else told
        genes = torch.where(better.view(*better.shape, 1, 1), born, genes) if generation else born
        owner, x, around = owner[going_on], x.rows(going_on), around.rows(going_on)
        genes, fitness = genes[going_on], fitness[going_on]


def _may_change(within: Ball, x: Batch) -> Tensor:
    lowest, highest = ends(within, x, limited=math.isinf(within.exponent))
    return coloured(lowest != highest)


def _bred(genes: Tensor, draws: Draws, x: Batch, generation: int) -> Tensor:
    """Make one child for each parent (r, p, k, g) from three parents that differ from each other."""
    count = genes.shape[1]
    lots = draws.uniform((3, count), x.ids, "parents", generation).double()
    one = (lots[:, 0] * count).long()
    two = (one + 1 + (lots[:, 1] * (count - 1)).long()) % count
    low, high = torch.minimum(one, two), torch.maximum(one, two)
    three = (lots[:, 2] * (count - 2)).long()
    three = three + (three >= low)
    three = three + (three >= high)
    row = torch.arange(len(genes), device=genes.device).unsqueeze(1)
    return (genes[row, one] + _STEP * (genes[row, two] - genes[row, three])).clamp(0, 1)


def _painted(within: Ball, x: Batch, around: Window, genes: Tensor) -> Tensor:
    """Paint pixels (r, m, k, d + c) over x, the first ones last, and project; gives (r, m, ...)."""
    rows, many, axes = len(genes), genes.shape[1], around.side.shape[1]
    many_x = x.rows(torch.arange(rows, device=genes.device).repeat_interleave(many))
    values = coloured(many_x.values)
    flat, places = values.flatten(2), values.shape[2:]
    begin, side = (one.view(rows, 1, 1, axes) for one in around)
    at = begin + (genes[..., :axes].double() * side).long().minimum(side - 1)
    place = torch.zeros_like(at[..., 0])
    for axis, length in enumerate(places):
        place = place * length + at[..., axis]
    colours = within.low + (within.high - within.low) * genes[..., axes:]
    for pixel in range(genes.shape[2] - 1, -1, -1):
        where = place[:, :, pixel].reshape(-1, 1, 1).expand(-1, flat.shape[1], 1)
        flat = flat.scatter(2, where, colours[:, :, pixel].reshape(-1, flat.shape[1], 1).to(flat.dtype))
    painted = within.project(many_x.holding(flat.view_as(many_x.values)), many_x)
    return painted.values.view(rows, many, *x.values.shape[1:])
