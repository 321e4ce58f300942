"""Corner noise: points drawn from the rim of the set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.keeper import Keeper
from unfooled.search.random import sample


@dataclass(frozen=True)
class CornerNoise:
    """Try points drawn from the set's rim: for Linf its corners, for L2 its sphere.

    Works in any Ball and needs labels only. A baseline: what it breaks needs no attacker.

    Attributes:
        draws: Points an example, 1 or more.

    Reference:
        None; the usual control experiment.
        Differs from the paper: nothing.
    """

    draws: int = 10
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.draws, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        sample(keeper, lambda x, draw: problem.within.corner(x, problem.draws, draw), self.draws)
        return keeper.found()
