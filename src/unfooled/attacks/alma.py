"""ALMA: the weight of the margin is learned on the way, as a Lagrange multiplier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import margin
from unfooled.search.keeper import Keeper
from unfooled.search.lagrange import relax
from unfooled.search.polish import polish


@dataclass(frozen=True)
class ALMA:
    """Find the nearest success by descents on squared length plus an augmented Lagrangian of the missing loss.

    Works in any Ball and needs gradients; made for L2.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        polish: How many of them, at the end, walk from the best point along its boundary, at most a third.

    Reference:
        Rony, Granger, Pedersoli and Ben Ayed. Augmented Lagrangian adversarial attacks. ICCV 2021.
        https://arxiv.org/abs/2011.11857, section 3 and algorithm 2.
        Differs from the paper: margins count as shares of the spread of scores instead of the DLR; distance and
        margin are told in units of the first look at the boundary, and so are steps, which fall from 1 to 0.01 of
        that distance; the last steps polish.
    """

    steps: int = 250
    polish: int = 60
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + 1, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        last = min(self.polish, self.steps // 3)
        relax(keeper, margin, self.steps - last)
        polish(keeper, last)
        return keeper.found()
