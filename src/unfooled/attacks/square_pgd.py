"""Square and PGD: random windows find the place, and a short climb finishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.ascent import ascend
from unfooled.search.keeper import Keeper
from unfooled.search.squares import squares


@dataclass(frozen=True)
class SquarePGD:
    """Search by random windows, which no gradient misleads, then climb by small steps from the best point found.

    Works in any Ball of finite radius and needs gradients. For examples that stand against climbs from random points:
    where the landscape is flat but for a few places, windows come near one of them sooner than they reach it.

    Attributes:
        queries: Most queries of an example, 1 or more.
        steps: Gradient steps of the climb, 1 or more.
        step: Size of a step as a share of the radius; None for 2 / steps, by which a climb may cross the set once, but
            at least 0.1.
        share: Share of the values in the first windows, above 0 to 1.
        loss: What both climb, by its name in `losses.LOSSES`.

    Reference:
        Andriushchenko, Croce, Flammarion and Hein. Square attack. ECCV 2020. https://arxiv.org/abs/1912.00049,
        sections 3.2 to 3.4; Madry et al., ICLR 2018. https://arxiv.org/abs/1706.06083, section 2.1.
        Differs from the paper: neither has the two together; see `square` and `pgd`.
    """

    queries: int = 1000
    steps: int = 20
    step: float | None = None
    share: float = 0.8
    loss: str = "margin"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.queries + self.steps + 1, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, loss = Keeper(problem), loss_named(self.loss)
        squares(keeper, loss, self.queries, self.share)
        share = max(2 / self.steps, 0.1) if self.step is None else self.step
        length = share * problem.within.radius
        ascend(keeper, loss, self.steps, length, lambda _: keeper.proposals(keeper.open()))
        return keeper.found()
