"""FMN: fast minimum norms, in any norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.search.polish import polish
from unfooled.search.shrink import cosine, shrink


@dataclass(frozen=True)
class FMN:
    """Find the nearest success by steps in a ball that shrinks after each success and grows after each failure.

    Works in any Ball and needs gradients.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        polish: How many of them, at the end, walk along the boundary from there, at most a third.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Pintor, Roli, Brendel and Biggio. Fast minimum-norm adversarial attacks through adaptive norm constraints.
        NeurIPS 2021. https://arxiv.org/abs/2102.12827, algorithm 1.
        Differs from the paper: until the first success every point lies on the rim, so that a small gradient does not
        hold the walk at x; steps go in the set's steepest direction where it moves many values, and are told by the
        linearised distance to the boundary; the radius changes by 10 % at first; the last steps polish.
    """

    steps: int = 100
    polish: int = 8
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + 2, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        last = min(self.polish, self.steps // 3)
        walk = self.steps - last
        shrink(keeper, loss_named(self.loss), walk, cosine(2.0, 0.02), cosine(0.1, 0.001), on_rim=False)
        polish(keeper, last)
        return keeper.found()
