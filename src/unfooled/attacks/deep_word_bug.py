"""DeepWordBug: typos in the words that matter most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.search.wordwise import climb, one_of_each, ranked


@dataclass(frozen=True)
class DeepWordBug:
    """Rank words by what their loss does to the scores; edit one after another by one drawn typo of each kind.

    Works in any set of edits and needs scores; made for `chars`.

    Attributes:
        queries: Most queries of an example, 1 or more.
        mask: What stands in for a word while its weight is measured; no model should know it.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Gao, Lanchantin, Soffa and Qi. Black-box generation of adversarial text sequences to evade deep learning
        classifiers. IEEE S&P Workshops 2018. https://arxiv.org/abs/1801.04354, sections III-B and III-C.
        Differs from the paper: words are ranked by masking each in the whole text, as in its replace-1 score, and no
        head or tail of the text is scored; the best of one typo of each kind is taken, and only if the loss grows.
    """

    queries: int = 2000
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
        search = partial(climb, rank=partial(ranked, mask=self.mask), choose=one_of_each, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.queries, search)
        return keeper.found()
