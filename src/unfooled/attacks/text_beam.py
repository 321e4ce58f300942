"""Beam search over edits of the words that matter most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.beam import widen
from unfooled.search.lockstep import keeper_of, search_texts


@dataclass(frozen=True)
class TextBeam:
    """Edit the words that matter most in each of the best drafts, and keep the best of all that come of it.

    Works in any set of edits and needs scores.

    Attributes:
        queries: Most queries of an example, 1 or more.
        width: Drafts kept from one round to the next, 1 or more.
        words: How many of the words that matter most are edited, 1 or more.
        mask: What stands in for a word while its weight is measured; no model should know it.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Yoo, Morris, Lifland and Qi. Searching for a search method: benchmarking search algorithms for generating NLP
        adversarial examples. BlackboxNLP 2020. https://arxiv.org/abs/2009.06368, section 3.
        Differs from the paper: words are ranked by masking first, and the others are left alone.
    """

    queries: int = 2000
    width: int = 4
    words: int = 8
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
        search = partial(widen, width=self.width, words=self.words, mask=self.mask, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.queries, search)
        return keeper.found()
