"""One pixel: differential evolution of a pixel's place and colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.evolution import evolve_pixels
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class OnePixel:
    """Breed single pixels, or lists of a few, by differential evolution.

    Works in any Ball and needs scores; made for `l0:1`. `PixelCorners` is exact, or, with gradients, far cheaper.

    Attributes:
        queries: Most queries of an example, 1 or more: the paper's hundred generations.
        pixels: How many pixels a change has, 1 or more; the set undoes those that are too many.
        population: Changes alive at a time, 4 or more.

    Reference:
        Su, Vargas and Sakurai. One pixel attack for fooling deep neural networks. IEEE TEVC 2019.
        https://arxiv.org/abs/1710.08864, section III.
        Differs from the paper: first colours are uniform, not normal; children beyond the range stop at its end; the
        margin is climbed, not one score; it ends at the first success.
    """

    queries: int = 40_000
    pixels: int = 1
    population: int = 400
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        margin = loss_named("margin")
        evolve_pixels(keeper, margin, self.queries, pixels=self.pixels, population=self.population)
        return keeper.found()
