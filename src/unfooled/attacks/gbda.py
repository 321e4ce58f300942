"""GBDA: a distribution over edits, climbed by gradients; texts are drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.core.tokens import inside_of
from unfooled.losses import loss_named
from unfooled.search.lockstep import keeper_of, search_texts
from unfooled.search.softening import soften


@dataclass(frozen=True)
class GBDA:
    """Climb a distribution over edits through the embeddings, with Gumbel noise; ask about texts drawn from it.

    Works in any set of edits and needs gradients, at the embeddings of tokens.

    Attributes:
        steps: Gradient steps, 1 or more.
        samples: Texts drawn, 1 or more.
        choices: Edits of a word that take part, 1 or more.
        words: How many of the words that matter most are edited, 1 or more.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Guo, Sablayrolles, Jégou and Kiela. Gradient-based adversarial attacks against text transformers. EMNLP 2021.
        https://arxiv.org/abs/2104.13733, sections 3.1 to 3.3.
        Differs from the paper: the distribution is over the most promising edits of the set, each the mean of its
        tokens' embeddings, not over all tokens; the set stands in for the language model and the similarity; too many
        edits cost, and where more are drawn than the set allows the surest are kept.
    """

    steps: int = 30
    samples: int = 20
    choices: int = 8
    words: int = 24
    spare: bool = True
    loss: str = "margin"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + self.samples + 2, backwards=self.steps + 1)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper, inside, most = keeper_of(problem), inside_of(problem.target), self.bill(2).forwards
        search = partial(soften, inside=inside, steps=self.steps, samples=self.samples, choices=self.choices,
                         words=self.words, spare=self.spare)  # fmt: skip
        search_texts(keeper, loss_named(self.loss), most, search)
        return keeper.found()
