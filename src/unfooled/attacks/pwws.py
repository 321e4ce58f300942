"""PWWS: words replaced in the order of their weight times what their best replacement gains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.search.saliency import climb_by_gain
from unfooled.search.wordwise import every


@dataclass(frozen=True)
class PWWS:
    """Ask about every edit of every word; put the best of each in, by the word's weight times what it gains.

    Works in any set of edits and needs scores; made for `words`.

    Attributes:
        queries: Most queries of an example, 1 or more.
        mask: What stands in for a word while its weight is measured; no model should know it.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Ren, Deng, He and Che. Generating natural language adversarial examples through probability weighted word
        saliency. ACL 2019. https://aclanthology.org/P19-1103, section 3 and algorithm 1.
        Differs from the paper: gains are those of the loss, not of the probability of the right class; names are not
        replaced by other names; it stops after as many replacements as the set allows.
    """

    queries: int = 5000
    mask: str = "[UNK]"
    spare: bool = True
    loss: str = "margin"
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a short text costs less."""
        return Bill(queries=self.queries, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper = keeper_of(problem)
        search = partial(climb_by_gain, mask=self.mask, choose=every, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.queries, search)
        return keeper.found()
