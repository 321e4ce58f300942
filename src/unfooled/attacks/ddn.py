"""DDN: how far to go and which way are decided apart."""

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
class DDN:
    """Find the nearest success by steps on a sphere that shrinks after each success and grows after each failure.

    Works in any Ball and needs gradients; made for L2.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        polish: How many of them, at the end, walk along the boundary from there, at most a third.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Rony, Hafemann, Oliveira, Ben Ayed, Sabourin and Granger. Decoupling direction and norm for efficient
        gradient-based L2 adversarial attacks and defenses. CVPR 2019. https://arxiv.org/abs/1811.09600, algorithm 1.
        Differs from the paper: sizes are told by the linearised distance to the boundary instead of 1; the radius
        changes by 10 % at first and 0.1 % at last instead of 5 % all along; the last steps polish; nothing is
        quantised.
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
        shrink(keeper, loss_named(self.loss), walk, cosine(2.0, 0.02), cosine(0.1, 0.001), on_rim=True)
        polish(keeper, last)
        return keeper.found()
