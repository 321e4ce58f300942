"""HotFlip: the edits that the gradient at the embeddings promises most of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.core.tokens import inside_of
from unfooled.losses import loss_named
from unfooled.search.flips import flip
from unfooled.search.lockstep import keeper_of, search_texts


@dataclass(frozen=True)
class HotFlip:
    """Estimate what each edit gains by one gradient, ask about the best few, make the one that gains most; again.

    Works in any set of edits and needs gradients, at the embeddings of tokens.

    Attributes:
        queries: Most answers of an example, gradients included, 1 or more.
        tried: Edits that are asked about together, 1 or more; the next ones follow only where none gains.
        words: How many of the words that matter most are edited, by the same gradient, 1 or more.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Ebrahimi, Rao, Lowd and Dou. HotFlip: white-box adversarial examples for text classification. ACL 2018.
        https://arxiv.org/abs/1712.06751, sections 3 and 5.
        Differs from the paper: what may be flipped is for the set to say, characters and words alike; a word counts as
        the mean of its tokens' embeddings; real answers decide between the best few, and one draft is kept, no beam.
    """

    queries: int = 400
    tried: int = 8
    words: int = 24
    spare: bool = True
    loss: str = "margin"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; a short text costs less."""
        return Bill(queries=0, forwards=self.queries, backwards=(self.queries + 1) // 2)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper = keeper_of(problem)
        inside = inside_of(problem.target)
        search = partial(flip, inside=inside, tried=self.tried, words=self.words, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.queries, search)
        return keeper.found()
