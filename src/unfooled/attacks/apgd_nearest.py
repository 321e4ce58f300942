"""APGD inside a search for the smallest radius at which it succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.bisect import bisect
from unfooled.search.keeper import Keeper
from unfooled.search.polish import polish


@dataclass(frozen=True)
class APGDNearest:
    """Find the nearest success by Auto-PGD in balls whose radius is bisected, each example by itself.

    Works in any Ball and needs gradients.

    Attributes:
        steps: Gradient steps in all, 3 or more.
        climbs: Balls that share them, 1 or more.
        polish: How many of the steps, at the end, walk the nearest success along its boundary, at most a third.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Croce and Hein. Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
        attacks. ICML 2020. https://arxiv.org/abs/2003.01690, section 3, for the climb; a search over the radius
        around it is how libraries turn it into an attack of minimum norm.
        Differs from the paper: a climb begins at the nearest success, drawn back into the smaller ball; the first
        radius is told by the linearised boundary; the last steps polish.
    """

    steps: int = 200
    climbs: int = 12
    polish: int = 20
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        climbs, each, last = self._shared()
        steps = 1 + climbs * each + last
        return Bill(queries=0, forwards=steps + climbs + (last > 0), backwards=steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        climbs, each, last = self._shared()
        bisect(keeper, loss_named(self.loss), each, climbs)
        polish(keeper, last)
        return keeper.found()

    def _shared(self) -> tuple[int, int, int]:
        """Say how many climbs there are, of how many steps each, and how many steps polish."""
        last = min(self.polish, self.steps // 3)
        climbs = max(1, min(self.climbs, (self.steps - last - 1) // 2))
        return climbs, max(1, (self.steps - last - 1) // climbs), last
