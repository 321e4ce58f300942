"""PGD: many small steps, each followed by a projection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.ascent import ascend
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class PGD:
    """Climb by small steps from a random point of the set, several times over for what still stands.

    Works in any Ball and needs gradients.

    Attributes:
        steps: Gradient steps of one restart, 1 or more.
        step: Size of a step as a share of the radius; None for 2.5 / steps, but at least 0.1.
        restarts: Random starts, 1 or more.
        random_start: Whether to begin at random instead of at the clean example.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Madry, Makelov, Schmidt, Tsipras and Vladu. Towards deep learning models resistant to adversarial attacks.
        ICLR 2018. https://arxiv.org/abs/1706.06083, section 2.1.
        Differs from the paper: an example leaves at its first success; the best point seen is returned, not the last.
    """

    steps: int = 40
    step: float | None = None
    restarts: int = 1
    random_start: bool = True
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.restarts * (self.steps + 1), backwards=self.restarts * self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        share = max(2.5 / self.steps, 0.1) if self.step is None else self.step
        for restart in range(self.restarts):
            begin = partial(problem.within.start, draws=problem.draws, draw=restart)
            ascend(
                keeper,
                loss_named(self.loss),
                self.steps,
                share * problem.within.radius,
                begin if self.random_start else None,
            )
        return keeper.found()
