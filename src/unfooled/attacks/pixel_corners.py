"""Pixel corners: one pixel, or a few, to the corners of their colours; exact where all of them are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.corners import climb_corners
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class PixelCorners:
    """Move single pixels to the corners of their colours, then second ones from the best of these points, and so on.

    Works in any Ball and needs scores; made for L0. In `l0:1` and without a shortlist it is exhaustive: what it does
    not break, no single pixel at a corner of its colours breaks, 8 a pixel in colour and 2 in grey. Where gradients
    are granted, they pick the shortlist.

    Attributes:
        queries: Most queries of an example, gradients among them, 1 or more.
        shortlist: How many corners of each point to ask about where gradients are granted, 1 or more; None for all.
        beam: From how many points to go on to the next pixel, 1 or more; 1 is greedy.

    Reference:
        Su, Vargas and Sakurai. One pixel attack for fooling deep neural networks. IEEE TEVC 2019.
        https://arxiv.org/abs/1710.08864, for the threat. The gradient ranks corners as in: Papernot, McDaniel, Jha,
        Fredrikson, Celik and Swami. The limitations of deep learning in adversarial settings. EuroS&P 2016.
        https://arxiv.org/abs/1511.07528, section 3.
        Differs from the paper: no evolution, only corners; for that see `OnePixel`.
    """

    queries: int = 10_000
    shortlist: int | None = 128
    beam: int = 1
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a set of few corners costs less."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        climb_corners(keeper, loss_named("margin"), self.queries, shortlist=self.shortlist, beam=self.beam)
        return keeper.found()
