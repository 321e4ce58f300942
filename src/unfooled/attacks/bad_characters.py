"""BadCharacters: changes that nobody sees, evolved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Edits
from unfooled.losses import loss_named
from unfooled.search.injecting import evolve_edits
from unfooled.search.lockstep import keeper_of, search_texts


@dataclass(frozen=True)
class BadCharacters:
    """Evolve where characters are injected, and which ones, by differential evolution.

    Works in any set of edits and needs scores; made for `invisible` and `homoglyphs`.

    Attributes:
        population: Drafts of a text that are alive at a time, 4 or more.
        generations: How often they are asked about, 1 or more.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Boucher, Shumailov, Anderson and Papernot. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
        https://arxiv.org/abs/2106.09898, section V and algorithm 2.
        Differs from the paper: what may be injected is for the set to say, deletions by backspace are not among it, and
        always as many edits are made as it allows.
    """

    population: int = 32
    generations: int = 10
    loss: str = "margin"
    needs: ClassVar[Access] = Access.SCORES
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.population * self.generations, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Edits]) -> Found:
        """See `Attack`."""
        keeper = keeper_of(problem)
        search = partial(evolve_edits, population=self.population, generations=self.generations)
        search_texts(keeper, loss_named(self.loss), self.population * self.generations, search)
        return keeper.found()
