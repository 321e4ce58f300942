"""SurFree: along arcs that only come nearer, from labels alone and without an estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.arcs import turn_along_arcs
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class SurFree:
    """Find the nearest success by turning the one known about the clean example, in one random plane after the other.

    Works in any Ball and needs labels only; made for L2. It spends nothing on slopes, and so comes near within the
    first hundreds of queries.

    Attributes:
        queries: Most queries of an example, 1 or more.
        angle: The first angle that is tried, in degrees, above 0 to 45.
        tolerance: How sharply the tangent of an angle is told, as a share of it, above 0 and below 1.
        waves: Share of the frequencies of each axis of which the planes are made, the lowest, above 0 to 1; None for
            all.

    Reference:
        Maho, Furon and Le Merrer. SurFree: a fast surrogate-free black-box attack. CVPR 2021.
        https://arxiv.org/abs/2011.12807, sections 3 and 4.
        Differs from the paper: the clean example is asked about first; both ways round are asked about at once; a
        tangent grows by a quarter or shrinks by a fifth, and after a success up to twice of it is looked at; planes are
        not kept apart from the ones before; frequencies below the limit count alike.
    """

    queries: int = 2000
    angle: float = 30.0
    tolerance: float = 0.3
    waves: float | None = 0.5
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=not problem.enough)
        turn_along_arcs(keeper, self.queries, math.tan(math.radians(self.angle)), self.tolerance, self.waves)
        return keeper.found()
