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

    Works in any Ball; made for L0. Without a shortlist it needs scores, and in `l0:1` it is exhaustive: what it does
    not break, no single pixel at a corner of its colours breaks, 8 a pixel in colour and 2 in grey. A shortlist is
    picked by gradients.

    Attributes:
        queries: Most queries of an example, gradients among them, 1 or more.
        shortlist: How many corners of each point to ask about, those that a gradient there ranks first, 1 or more;
            None for all.
        beam: From how many points to go on to the next pixel, 1 or more; 1 is greedy.
        noisy: At how many noisy copies of a point to ask for its gradient too, 0 or more; rough models need some.

    Reference:
        Su, Vargas and Sakurai. One pixel attack for fooling deep neural networks. IEEE TEVC 2019.
        https://arxiv.org/abs/1710.08864, for the threat. The gradient ranks corners as in: Papernot, McDaniel, Jha,
        Fredrikson, Celik and Swami. The limitations of deep learning in adversarial settings. EuroS&P 2016.
        https://arxiv.org/abs/1511.07528, section 3.
        Differs from the paper: no evolution, only corners; for that see `OnePixel`.
    """

    queries: int = 10_000
    shortlist: int | None = None
    beam: int = 1
    noisy: int = 0
    nearest: ClassVar[bool] = False

    @property
    def needs(self) -> Access:
        """See `Attack.needs`."""
        return Access.SCORES if self.shortlist is None else Access.GRADIENT

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a set of few corners costs less."""
        if self.shortlist is None:
            return Bill(queries=self.queries, forwards=0, backwards=0)
        return Bill(queries=0, forwards=self.queries, backwards=self.queries)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        loss, listed = loss_named("margin"), self.shortlist
        climb_corners(keeper, loss, self.queries, shortlist=listed, beam=self.beam, noisy=self.noisy)
        return keeper.found()
