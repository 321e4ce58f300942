"""Attackers without gradients, small enough for a diagnosis: block noise, and a climb along differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.rows import wide
from unfooled.core.seeds import Draws
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import margin
from unfooled.search.keeper import Keeper
from unfooled.search.random import sample

PARTS = (1, 2, 4, 7)
"""Sides of a random block, as parts of a picture's side; pixels are tried as well."""


def block_signs(x: Batch, draws: Draws, tag: str, draw: int) -> Tensor:
    """Draw signs that are constant on blocks, shaped as x: of pictures in turn of each size, else of single values."""
    shape = tuple(x.values.shape[1:])
    turn = draw % (len(PARTS) + 1)
    if len(shape) != 3 or turn == len(PARTS):
        return draws.signs(shape, x.ids, tag, draw)
    side = max(1, -(-max(shape[1:]) // PARTS[turn]))
    cells = tuple(-(-size // side) + 1 for size in shape[1:])
    coarse = functional.interpolate(draws.signs((shape[0], *cells), x.ids, tag, draw), scale_factor=float(side))
    offset = (draws.uniform((2,), x.ids, f"{tag} offset", draw) * side).long()
    cut = [
        grid[:, top : top + shape[1], left : left + shape[2]]
        for grid, top, left in zip(coarse, *offset.T.tolist(), strict=True)
    ]
    return torch.stack(cut)


@dataclass(frozen=True)
class BlockNoise:
    """Try the rim of the set along signs that are constant on blocks.

    Works in any Ball and needs labels only.

    Attributes:
        draws: Points an example, 1 or more.

    Reference:
        None; what random searches such as Square find is of low frequency.
        Differs from the paper: nothing.
    """

    draws: int = 100
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.draws, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, within = Keeper(problem), problem.within

        def rim(x: Batch, draw: int) -> Batch:
            signs = block_signs(x, problem.draws, "blocks", draw)
            way = within.steepest(signs, x, x)
            return within.project(x.holding(x.values + within.radius * way), x)

        sample(keeper, rim, self.draws)
        return keeper.found()


@dataclass(frozen=True)
class Differences:
    """Climb the margin along a direction estimated from differences over long moves.

    Works in any Ball and needs scores. Sees past steps and plateaus that a gradient takes for the whole landscape.

    Attributes:
        steps: Climbing steps, 1 or more.
        pairs: Pairs of opposite moves behind each estimate, 1 or more.
        reach: Length of a move as a share of the radius.

    Reference:
        Uesato, O'Donoghue, van den Oord and Kohli. Adversarial risk and the dangers of evaluating against weak attacks.
        ICML 2018. https://arxiv.org/abs/1802.05666, section 4.
        Differs from the paper: moves are constant on blocks and half a radius long; steps go in the set's steepest
        direction, without Adam.
    """

    steps: int = 6
    pairs: int = 15
    reach: float = 0.5
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.steps * (2 * self.pairs + 1), forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, within = Keeper(problem), problem.within
        owner = keeper.open()
        x_t = problem.x.rows(owner)
        for step in range(self.steps):
            grad = self._estimate(problem, x_t, owner, step)
            x = problem.x.rows(owner)
            size = within.radius * (1 - step / self.steps)
            x_t = within.project(x_t.holding(x_t.values + size * within.steepest(grad, x_t, x)), x)
            there = problem.target.losses(x_t, problem.objective(margin), owner)
            going_on = keeper.keep(owner, x_t, there.loss, there.answer)
            owner, x_t = owner[going_on], x_t.rows(going_on)
            if not len(owner):
                break
        return keeper.found()

    def _estimate(self, problem: Problem[Ball], x_t: Batch, owner: Tensor, step: int) -> Tensor:
        """Add up moves, each weighted by how much more its end gains than the opposite one."""
        grad = torch.zeros_like(x_t.values)
        for way, ends in self._moves(problem, x_t, owner, step):
            first, second = (problem.target.losses(end, problem.objective(margin), owner).loss for end in ends)
            grad += wide(first - second, way) * way
        return grad

    def _moves(
        self, problem: Problem[Ball], x_t: Batch, owner: Tensor, step: int
    ) -> Iterator[tuple[Tensor, tuple[Batch, Batch]]]:
        within, x = problem.within, problem.x.rows(owner)
        for pair in range(self.pairs):
            signs = block_signs(x, problem.draws, "moves", step * self.pairs + pair)
            way = within.steepest(signs, x_t, x)
            ends = (
                within.project(x_t.holding(x_t.values + side * self.reach * within.radius * way), x) for side in (1, -1)
            )
            yield way, (next(ends), next(ends))
