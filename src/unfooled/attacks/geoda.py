"""GeoDA: straight to the boundary, taken for a plane whose slope is learned from labels alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.keeper import Keeper
from unfooled.search.planes import cross_planes


@dataclass(frozen=True)
class GeoDA:
    """Find the nearest success where the clean example's shortest way meets the boundary, taken for a plane.

    Works in any Ball and needs labels only; made for L2, Linf and L1. All probes of all examples are one pass.

    Attributes:
        queries: Most queries of an example, 1 or more.
        probes: Queries of the first estimate of the slope, 1 or more.
        tolerance: How sharply the boundary is told, as a share of its distance, above 0 and below 1.
        waves: Share of the frequencies of each axis of which probes are made, the lowest, above 0 to 1; None for all.

    Reference:
        Rahmati, Moosavi-Dezfooli, Frossard and Dai. GeoDA: a geometric framework for black-box adversarial attacks.
        CVPR 2020. https://arxiv.org/abs/2003.06468, algorithm 1 and section 4 for the norms.
        Differs from the paper: the clean example is asked about first; probes lie at a share of the distance; an
        estimate has as many times the probes of the first as the root of its number, and is added to while it leads no
        nearer; the way to the boundary bends where the range of inputs ends.
    """

    queries: int = 2000
    probes: int = 50
    tolerance: float = 1e-3
    waves: float | None = 0.5
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=not problem.enough)
        cross_planes(keeper, self.queries, self.probes, self.tolerance, self.waves)
        return keeper.found()
