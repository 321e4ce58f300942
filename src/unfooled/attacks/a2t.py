"""A2T: words replaced in the order that one gradient gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.core.tokens import inside_of
from unfooled.losses import loss_named
from unfooled.search.flips import by_gradient
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.search.wordwise import climb, every


@dataclass(frozen=True)
class A2T:
    """Rank words by one gradient at the embeddings; replace one after another by its best edit.

    Works in any set of edits and needs gradients, at the embeddings of tokens; made for `words`.

    Attributes:
        queries: Most answers of an example, the gradient included, 1 or more.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Yoo and Qi. Towards improving adversarial training of NLP models. Findings of EMNLP 2021.
        https://arxiv.org/abs/2109.00544, section 3.
        Differs from the paper: a word matters by what it is worth along the gradient, not by the gradient's norm; what
        may replace it is for the set to say; a replacement stays only if the loss grows.
    """

    queries: int = 2000
    spare: bool = True
    loss: str = "margin"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a short text costs less."""
        return Bill(queries=0, forwards=self.queries, backwards=1)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper, rank = keeper_of(problem), partial(by_gradient, inside=inside_of(problem.target))
        search = partial(climb, rank=rank, choose=every, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.queries, search)
        return keeper.found()
