"""TextFooler: the words that matter most, replaced by what means the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.search.wordwise import climb, every, ranked


@dataclass(frozen=True)
class TextFooler:
    """Rank words by what leaving them out does to the scores; replace one after another by its best edit.

    Works in any set of edits and needs scores; made for `words`.

    Attributes:
        queries: Most queries of an example, 1 or more.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Jin, Jin, Zhou and Szolovits. Is BERT really robust? A strong baseline for natural language attack on text
        classification and entailment. AAAI 2020. https://arxiv.org/abs/1907.11932, algorithm 1.
        Differs from the paper: what may replace a word, its part of speech too, is for the set to say, and no sentence
        encoder judges; of several replacements that fool the model the first in the set's order is taken, not the most
        similar; a replacement stays only if the loss grows.
    """

    queries: int = 2000
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
        search = partial(climb, rank=partial(ranked, mask=""), choose=every, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.queries, search)
        return keeper.found()
