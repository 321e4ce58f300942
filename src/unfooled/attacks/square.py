"""Square: random windows that grow smaller, and no gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.search.squares import squares


@dataclass(frozen=True)
class Square:
    """Change random windows, ever smaller ones, and keep each change by which the loss grows.

    Works in any Ball and needs scores; made for Linf, L2 and L1.

    Attributes:
        queries: Most queries of an example, 1 or more.
        share: Share of the values in the first windows, above 0 to 1.
        loss: What to climb, by its name in `losses.LOSSES`.
        schedule: Queries over which windows become smaller, 1 or more; None for those that the example can pay for.

    Reference:
        Andriushchenko, Croce, Flammarion and Hein. Square attack: a query-efficient black-box adversarial attack via
        random search. ECCV 2020. https://arxiv.org/abs/1912.00049, sections 3.2 to 3.4. In L1: Croce and Hein. Mind
        the box: l1-APGD for sparse adversarial attacks on image classifiers. ICML 2021.
        https://arxiv.org/abs/2103.01208, section 4.
        Differs from the paper: a window that would change nothing in Linf is turned round; in L2 the colours of a
        window share its size as its hills tell; targeted goals climb the margin too; waveforms have intervals for
        squares, and a window lies in the smallest box around what may change.
    """

    queries: int = 5000
    share: float = 0.8
    loss: str = "margin"
    schedule: int | None = None
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        squares(keeper, loss_named(self.loss), self.queries, self.share, schedule=self.schedule)
        return keeper.found()
