"""Carlini and Wagner on audio: the quietest change that makes a recording be heard as a phrase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access, Objective
from unfooled.core.threat import Ball
from unfooled.core.writing import leads_of
from unfooled.losses import cross_entropy, margin
from unfooled.search.keeper import Keeper
from unfooled.search.quieting import Pace, quieten


@dataclass(frozen=True)
class CarliniWagnerAudio:
    """Find the nearest success by climbing the phrase's likelihood, then also the margin of each of its steps.

    Works in any Ball, with goals in words or in classes, and needs gradients.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        surplus: Margin that every step of the phrase is to have, in scores, 0 or more.
        weight: Weight of the likelihood beside the margins, which count from the first success on.

    Reference:
        Carlini and Wagner. Audio adversarial examples: targeted attacks on speech-to-text. IEEE SPW 2018.
        https://arxiv.org/abs/1801.01944, sections III.B and III.C.
        Differs from the paper: steps follow the slope's direction with inertia and not Adam; any ball shrinks, not the
        box alone; margins join the likelihood at the first success; every point is rounded to the carrier's grid.
    """

    steps: int = 500
    surplus: float = 0.5
    weight: float = 1.0
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True, on_grid=True)
        quieten(keeper, climbed(keeper, self.surplus, self.weight), self.steps, Pace())
        return keeper.found()


def climbed(keeper: Keeper[Ball], surplus: float = 0.5, weight: float = 1.0) -> Objective:
    """Give what is climbed: the phrase's likelihood, and from an example's first success on the margins too."""
    whole, leads = keeper.problem.objective(cross_entropy), leads_of(keeper.problem, margin)

    def objective(outputs: Tensor, owner: Tensor) -> Tensor:
        likely, found = whole(outputs, owner), keeper.distance(owner).isfinite()
        if not bool(found.any()):
            return likely
        missing = (leads(outputs, owner) - surplus).clamp(max=0).sum(dim=1)
        return torch.where(found, missing, 0.0) + torch.where(found, weight, 1.0) * likely

    return objective
