"""Reverted edits: a text is edited all over, then edits are taken back for as long as it still fools."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.search.reverting import revert


@dataclass(frozen=True)
class RevertedEdits:
    """Leave the set, where fooling is easy, and come back into it.

    Works in any set of edits and needs labels only.

    Attributes:
        queries: Most queries of an example, 1 or more.
        starts: Drafts edited all over to begin with, 1 or more.
        spare: Whether function words are left alone.

    Reference:
        Maheshwary, Maheshwary and Pudi. Generating natural language attacks in a hard label black box setting.
        AAAI 2021. https://arxiv.org/abs/2012.14956, sections 3.1 and 3.2.
        Differs from the paper: edits are taken back by halves first, not one after another; the genetic search for
        closer meanings is left out, since the set says what means the same.
    """

    queries: int = 1000
    starts: int = 32
    spare: bool = True
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a short text costs less."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper = keeper_of(problem)
        search_texts(keeper, loss_named("margin"), self.queries, partial(revert, starts=self.starts, spare=self.spare))
        return keeper.found()
