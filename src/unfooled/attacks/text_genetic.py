"""Genetic attack: drafts of a text that inherit edits from one another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.breeding import breed
from unfooled.search.lockstep import keeper_of, search_texts


@dataclass(frozen=True)
class TextGenetic:
    """Breed drafts of a text: the best have children, which inherit edits from two parents and are edited anew.

    Works in any set of edits and needs scores.

    Attributes:
        population: Drafts of a text that are alive at a time, 2 or more.
        generations: How often they are asked about, 1 or more.
        spare: Whether function words are left alone.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Alzantot, Sharma, Elgohary, Ho, Srivastava and Chang. Generating natural language adversarial examples. EMNLP
        2018. https://arxiv.org/abs/1804.07998, section 3.2 and algorithm 1.
        Differs from the paper: an edit anew is drawn, where the paper asks about all edits of a word and takes the
        best; parents are drawn by rank; what may replace a word is for the set to say.
    """

    population: int = 20
    generations: int = 20
    spare: bool = True
    loss: str = "margin"
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.population * self.generations, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper = keeper_of(problem)
        search = partial(breed, population=self.population, generations=self.generations, spare=self.spare)
        search_texts(keeper, loss_named(self.loss), self.population * self.generations, search)
        return keeper.found()
