"""Momentum PGD: steps along a fading mean of gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.ascent import ascend
from unfooled.search.keeper import Keeper
from unfooled.search.transforms import momentum


@dataclass(frozen=True)
class MomentumPGD:
    """Climb from the clean example along a fading sum of gradients of mean size 1.

    Works in any Ball and needs gradients.

    Attributes:
        steps: Gradient steps, 1 or more.
        decay: Share of the old sum that each step keeps, 0 to 1.
        step: Size of a step as a share of the radius; None for 1 / steps.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Dong, Liao, Pang, Su, Zhu, Hu and Li. Boosting adversarial attacks with momentum. CVPR 2018.
        https://arxiv.org/abs/1710.06081, algorithm 1.
        Differs from the paper: an example leaves at its first success; the best point seen is returned, not the
        last; the mean size of a gradient is taken where the paper takes the sum, which has the same direction.
    """

    steps: int = 10
    decay: float = 1.0
    step: float | None = None
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + 1, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        size = (1 / self.steps if self.step is None else self.step) * problem.within.radius
        ascend(keeper, loss_named(self.loss), self.steps, size, transforms=(momentum(self.decay),))
        return keeper.found()
