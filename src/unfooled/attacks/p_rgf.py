"""P-RGF: gradients estimated from scores, led by a surrogate's gradient where there is a surrogate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.estimate import climb_estimates
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class PRGF:
    """Estimate the gradient from differences along random directions, which lean towards a surrogate's, and climb it.

    Works in any Ball and needs scores; made for Linf and L2. It asks about points a little outside the set too.

    Attributes:
        queries: Most queries of an example, 1 or more.
        samples: Directions of each estimate, 1 or more.
        probe: How far along them to ask by L2, as a share of the range times the root of the number of values.
        step: Length of a step as a share of the radius.

    Reference:
        Cheng, Dong, Pang, Su and Zhu. Improving black-box adversarial attacks with a transfer-based prior. NeurIPS
        2019. https://arxiv.org/abs/1906.06919, algorithm 1 and appendix on the estimate of the cosine.
        Differs from the paper: it climbs the margin; several surrogates are averaged; without any it is RGF.
    """

    queries: int = 10_000
    samples: int = 50
    probe: float = 1e-3
    step: float = 0.1
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; surrogates cost nothing."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, margin = Keeper(problem), loss_named("margin")
        climb_estimates(keeper, margin, self.queries, samples=self.samples, probe=self.probe, step=self.step)
        return keeper.found()
