"""SimBA: steps along single values, or along waves of low frequency, in random order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.basis import step_along
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class SimBA:
    """Step along vectors of a basis, one way or the other, and keep each step by which the loss grows.

    Works in any Ball and needs scores; made for L2. In Linf a step's largest value goes as far as the radius.

    Attributes:
        queries: Most queries of an example, 1 or more.
        step: Length of a step by L2, as a share of the range of one value, above 0.
        waves: Share of the frequencies of the discrete cosine transform of each axis, the lowest ones, above 0 to 1;
            None for single values instead of waves.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Guo, Gardner, You, Wilson and Weinberger. Simple black-box adversarial attacks. ICML 2019.
        https://arxiv.org/abs/1905.07121, algorithm 1 and section 3.
        Differs from the paper: the margin is climbed, not a probability; steps are projected into the set; after the
        last vector the first comes again.
    """

    queries: int = 10_000
    step: float = 0.2
    waves: float | None = None
    loss: str = "margin"
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        step_along(keeper, loss_named(self.loss), self.queries, step=self.step, waves=self.waves)
        return keeper.found()
