"""RayS: the corner of the cube towards which the boundary is nearest, from labels alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.keeper import Keeper
from unfooled.search.rays import turn_rays


@dataclass(frozen=True)
class RayS:
    """Find the nearest success along rays towards corners, by turning round blocks of signs, ever smaller ones.

    Works in any Ball and needs labels only; made for Linf. It asks about points beyond the radius too, since the way
    to a near success leads over far ones.

    Attributes:
        queries: Most queries of an example, 1 or more.
        tolerance: How sharply the boundary is told along a ray, as a share of its distance, above 0 and below 1; it
            is halved once no single value's turn brings as much.

    Reference:
        Chen and Gu. RayS: a ray searching method for hard-label adversarial attack. KDD 2020.
        https://arxiv.org/abs/2006.12792, algorithms 1 to 3.
        Differs from the paper: the clean example is asked about first; the tolerance is a share, not 0.001 by L2; a
        turn must bring as much to count; the way to the boundary is first gone in steps that double; blocks hold only
        values that may change; after single values large blocks are turned again; each example goes on by itself.
    """

    queries: int = 10_000
    tolerance: float = 1e-3
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=not problem.enough)
        turn_rays(keeper, self.queries, self.tolerance)
        return keeper.found()
