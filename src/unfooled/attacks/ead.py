"""EAD: an elastic net of L1 and L2 distance, weighed against the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import margin
from unfooled.search.descents import Shrinking
from unfooled.search.keeper import Keeper
from unfooled.search.penalty import penalise
from unfooled.search.polish import polish


@dataclass(frozen=True)
class EAD:
    """Find the nearest success by FISTA on L1 distance plus squared length plus c times the missing margin.

    Works in any Ball and needs gradients; made for L1.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        rounds: Values of c, 1 or more.
        beta: Weight of the squared length beside the L1 distance, 0 or more.
        polish: How many of the steps, at the end, walk the nearest success along its boundary, at most a third.

    Reference:
        Chen, Sharma, Zhang, Yi and Hsieh. EAD: elastic-net attacks to deep neural networks via adversarial examples.
        AAAI 2018. https://arxiv.org/abs/1709.04114, section 4 and algorithm 1.
        Differs from the paper: beta weighs the other term; the nearest success is told by the threat's own distance;
        success is told where the gradient is taken; c, the size of steps, rounds and the last
        steps as in `CarliniWagner`.
    """

    steps: int = 200
    rounds: int = 4
    beta: float = 0.01
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
        descent = Shrinking(problem.within.low, problem.within.high, self.beta)
        penalise(keeper, margin, descent, self.steps - last, self.rounds)
        polish(keeper, last)
        return keeper.found()
