"""Sparse-RS for patches and frames: a painted region, repainted and moved about at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.search.repaint import repaint


@dataclass(frozen=True)
class PatchRS:
    """Repaint parts of a patch, ever smaller ones, or move it, and keep each change by which the loss grows.

    Works in any Ball and needs scores; made for `patch:SIDE` and `frame:WIDTH`.

    Attributes:
        queries: Most queries of an example, 1 or more.
        share: Share of the patch in the first parts repainted, above 0 to 1.
        moves: Share of the queries that move the patch, 0 to 1.
        loss: What to climb, by its name in `losses.LOSSES`.
        schedule: Queries over which changes become smaller, 1 or more; None for those that the example can pay for.

    Reference:
        Croce, Andriushchenko, Singh, Flammarion and Hein. Sparse-RS: a versatile framework for query-efficient sparse
        black-box adversarial attacks. AAAI 2022. https://arxiv.org/abs/2006.12834, section 5.
        Differs from the paper: the first patch is made of sixteen tiles; queries that move it are drawn by lot, not
        counted off; frames are repainted as patches are.
    """

    queries: int = 10_000
    share: float = 0.4
    moves: float = 0.2
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
        climbed = loss_named(self.loss)
        repaint(keeper, climbed, self.queries, share=self.share, moves=self.moves, schedule=self.schedule)
        return keeper.found()
