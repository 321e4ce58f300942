"""Random edits: the weakest attacker of texts, and a control for all others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.injecting import draw_edits
from unfooled.search.lockstep import keeper_of, search_texts


@dataclass(frozen=True)
class RandomEdits:
    """Make as many edits as the set allows, anywhere and anyhow; the first draw that fools counts.

    Works in any set of edits and needs labels only.

    Attributes:
        queries: Draws of an example, 1 or more.

    Reference:
        None: a control.
        Differs from the paper: nothing.
    """

    queries: int = 20
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a short text costs less."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper = keeper_of(problem)
        search = partial(draw_edits, draws=self.queries)
        search_texts(keeper, loss_named("margin"), self.queries, search)
        return keeper.found()
