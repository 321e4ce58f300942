"""HopSkipJump: along the boundary towards the clean example, by estimates of its slope from labels alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.hops import hop
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class HopSkipJump:
    """Find the nearest success by hops off the boundary and back to it, the way learned by asking around.

    Works in any Ball and needs labels only; made for L2 and Linf. All probes of all examples are one pass.

    Attributes:
        queries: Most queries of an example, 1 or more.
        probes: Queries of the first estimate of the slope, 1 or more.
        tolerance: How sharply the boundary is told, as a share of its distance, above 0 and below 1.

    Reference:
        Chen, Jordan and Wainwright. HopSkipJumpAttack: a query-efficient decision-based attack. IEEE S&P 2020.
        https://arxiv.org/abs/1904.02144, algorithms 1 and 2.
        Differs from the paper: the clean example is asked about first; four lengths of a hop and three points of a
        bracket are asked about at once; probes are normal in every norm.
    """

    queries: int = 5000
    probes: int = 100
    tolerance: float = 1e-3
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=not problem.enough)
        hop(keeper, self.queries, self.probes, self.tolerance)
        return keeper.found()
