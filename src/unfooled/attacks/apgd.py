"""APGD: PGD that finds its own step sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.apgd import climb_adaptively
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class APGD:
    """Climb from random points with momentum and a step that each example earns.

    Works in any Ball and needs gradients. APGD-CE is `loss="cross-entropy"`, APGD-DLR `loss="dlr"`.

    Attributes:
        loss: What to climb, by its name in `losses.LOSSES`.
        steps: Gradient steps of one restart, 1 or more.
        restarts: Random starts, 1 or more.

    Reference:
        Croce and Hein. Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
        attacks. ICML 2020. https://arxiv.org/abs/2003.01690, section 3, algorithm 1.
        Differs from the paper: an example leaves at its first success; starts are uniform in the set; the
        cross-entropy is climbed as log-odds, which has the same direction and order.
    """

    loss: str = "cross-entropy"
    steps: int = 100
    restarts: int = 1
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.restarts * (self.steps + 1), backwards=self.restarts * self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        for restart in range(self.restarts):
            begin = partial(problem.within.start, draws=problem.draws, draw=restart)
            climb_adaptively(keeper, loss_named(self.loss), self.steps, begin)
        return keeper.found()
