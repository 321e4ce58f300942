"""Sparse-RS: a few changed pixels, found by swapping them at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.search.swaps import swap_pixels


@dataclass(frozen=True)
class SparseRS:
    """Swap some of the changed pixels for others, fewer and fewer, and keep each swap by which the loss grows.

    Works in any Ball and needs scores; made for L0. For patches and frames there is `PatchRS`.

    Attributes:
        queries: Most queries of an example, 1 or more.
        share: Share of the changed pixels that the first swaps exchange, above 0 to 1.
        loss: What to climb, by its name in `losses.LOSSES`.
        schedule: Queries over which swaps become smaller, 1 or more; None for those that the example can pay for.

    Reference:
        Croce, Andriushchenko, Singh, Flammarion and Hein. Sparse-RS: a versatile framework for query-efficient sparse
        black-box adversarial attacks. AAAI 2022. https://arxiv.org/abs/2006.12834, algorithm 1 and section 4.
        Differs from the paper: a pixel that went may come back at once in another colour; targeted goals climb the
        margin too.
    """

    queries: int = 10_000
    share: float = 0.3
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
        swap_pixels(keeper, loss_named(self.loss), self.queries, self.share, schedule=self.schedule)
        return keeper.found()
