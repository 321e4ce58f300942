"""Carlini and Wagner: weigh the length of the change against the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import margin
from unfooled.search.descents import Squashed
from unfooled.search.keeper import Keeper
from unfooled.search.penalty import penalise
from unfooled.search.polish import polish


@dataclass(frozen=True)
class CarliniWagner:
    """Find the nearest success by Adam on squared length plus c times the missing margin, for several c.

    Works in any Ball and needs gradients; made for L2.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        rounds: Values of c, 1 or more.
        polish: How many of the steps, at the end, walk the nearest success along its boundary, at most a third.

    Reference:
        Carlini and Wagner. Towards evaluating the robustness of neural networks. IEEE S&P 2017.
        https://arxiv.org/abs/1608.04644, sections V and VI.A.
        Differs from the paper: the plane that the margin looks like at the start of each round tells c and the size of
        steps, so that c is searched for by factors and not by bisection; rounds begin at the nearest success, or on
        that plane; steps shrink to 0 in each; the ends of the range lie where the tanh can leave them; the last steps
        polish.
    """

    steps: int = 200
    rounds: int = 4
    polish: int = 30
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + 1, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        last = min(self.polish, self.steps // 3)
        descent = Squashed(problem.within.low, problem.within.high)
        penalise(keeper, margin, descent, self.steps - last, self.rounds)
        polish(keeper, last)
        return keeper.found()
