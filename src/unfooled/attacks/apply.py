"""Apply: bring what was made before to examples that its maker never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.crafting import Artefact
from unfooled.core.target import Access
from unfooled.core.threat import PerturbationSet
from unfooled.search.keeper import Keeper
from unfooled.search.random import sample


@dataclass(frozen=True)
class Apply:
    """Bring an artefact to every example: a universal delta, a sticker.

    Needs labels only: the work was done when it was made. What the artefact leaves to chance, such as its place, is
    drawn anew each time, and the first draw that fools counts.

    Attributes:
        artefact: What was made.
        draws: How often to bring it to an example, 1 or more.

    Reference:
        Moosavi-Dezfooli, Fawzi, Fawzi and Frossard. Universal adversarial perturbations. CVPR 2017.
        https://arxiv.org/abs/1610.08401, section 3, for the evaluation on examples that were not learned from.
        Differs from the paper: any artefact may be brought, not only a delta.
    """

    artefact: Artefact
    draws: int = 1
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=self.draws, forwards=0, backwards=0)

    def __call__(self, problem: Problem[PerturbationSet]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        sample(keeper, lambda x, draw: self.artefact.bring(x, problem.draws, draw), self.draws)
        return keeper.found()
