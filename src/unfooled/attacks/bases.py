"""BASES: search how much each surrogate should count, with two or three questions to the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.search.transfer import weighed


@dataclass(frozen=True)
class BASES:
    """Climb the surrogates together, ask the target, and let those count more whose share brought it nearer.

    Works in any Ball and needs scores; surrogates give the gradients and cost nothing.

    Attributes:
        queries: Most queries of an example, 1 or more.
        steps: Steps of each climb, 1 or more.
        step: Size of a step as a share of the radius; None for 3 / steps.
        pace: By how much a weight is raised or lowered, 0 to 1.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Cai, Song, Krishnamurthy, Roy-Chowdhury and Asif. Blackbox attacks via surrogate ensemble search. NeurIPS 2022.
        https://arxiv.org/abs/2208.03610, algorithms 1 and 2.
        Differs from the paper: a weight is raised, and lowered only if that did not pay, with one question each;
        climbs have momentum.
    """

    queries: int = 3
    steps: int = 10
    step: float | None = None
    pace: float = 0.3
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; surrogates cost nothing."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        step = (3 / self.steps if self.step is None else self.step) * problem.within.radius
        weighed(keeper, loss_named(self.loss), self.queries, steps=self.steps, step=step, pace=self.pace)
        return keeper.found()
