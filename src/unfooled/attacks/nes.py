"""NES: gradients estimated by natural evolution strategies, from scores alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.core.writing import pressed
from unfooled.losses import margin
from unfooled.search.keeper import Keeper
from unfooled.search.pairs import Pairs, climb_pairs


@dataclass(frozen=True)
class NES:
    """Estimate the gradient from random points on both sides of where it stands, and climb it.

    Works in any Ball, on pictures and recordings alike, and needs scores.

    Attributes:
        queries: Most queries of an example, 1 or more.
        samples: Points behind each estimate, two for a direction, 2 or more.
        probe: How far from a point to ask, as the root mean square over its values in shares of the range.
        step: Length of the first step as a share of the radius; 0.005 to lead a recording to a phrase, as longer ones
            drown in noise.
        inertia: Share of the old mean of estimates that each step keeps, 0 to below 1.

    Reference:
        Ilyas, Engstrom, Athalye and Lin. Black-box adversarial attacks with limited queries and information. ICML
        2018. https://arxiv.org/abs/1804.08598, sections 2.1 and 2.2, and for the pace the authors' code.
        Differs from the paper: the margin is climbed, for a phrase its log-odds and the margins of its steps; estimates
        are brought to one length before their mean is taken; directions are the set's own, so that in Linf every value
        is moved equally far; one more query a step tells of success.
    """

    queries: int = 10000
    samples: int = 50
    probe: float = 0.0005
    step: float = 0.05
    inertia: float = 0.9
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, plan = Keeper(problem), Pairs(self.samples, self.probe, self.step, self.inertia)
        climb_pairs(keeper, pressed(problem, margin), self.queries, plan)
        return keeper.found()
