"""L1-APGD: sparse steps for sparse changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.search.sparse_climb import climb_sparsely


@dataclass(frozen=True)
class APGDL1:
    """Climb from random points by steps that move the values of the largest slopes, as sparse as the change itself.

    Works in any Ball and needs gradients; made for L1.

    Attributes:
        loss: What to climb, by its name in `losses.LOSSES`.
        steps: Gradient steps of one restart, 1 or more.
        restarts: Random starts, 1 or more.

    Reference:
        Croce and Hein. Mind the box: l1-APGD for sparse adversarial attacks on image classifiers. ICML 2021.
        https://arxiv.org/abs/2103.01208, section 3, algorithm 1.
        Differs from the paper: no point outside the set is ever asked about, so the climbs in balls of thrice and
        twice the radius are left out; an example leaves at its first success.
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
            climb_sparsely(keeper, loss_named(self.loss), self.steps, begin)
        return keeper.found()
