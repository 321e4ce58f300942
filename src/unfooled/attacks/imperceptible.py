"""Imperceptible: a change that makes a recording be heard as a phrase, and that the recording itself masks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem, as_is
from unfooled.core.batch import Batch
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.keeper import Keeper
from unfooled.search.quieting import Pace, quieten
from unfooled.sets.loudness import db

from .carlini_wagner_audio import CarliniWagnerAudio, climbed

_PACE = Pace(widen=1.0, first=0.2, last=0.04, reshape=True)


@dataclass(frozen=True)
class Imperceptible:
    """Go on from a success by Carlini and Wagner, and push the change below the masking threshold.

    Made for the set `inaudible`, works in any Ball, with goals in words or in classes, and needs gradients. The first
    stage heeds no limit; in the second one the set's own ball shrinks at each success, also where it is still larger
    than allowed.

    Attributes:
        first: Gradient steps of the first stage, 1 or more.
        steps: Those of the second one, 1 or more.

    Reference:
        Qin, Carlini, Goodfellow, Cottrell and Raffel. Imperceptible, robust, and targeted adversarial examples for
        automatic speech recognition. ICML 2019. https://arxiv.org/abs/1903.10346, section 4.3.
        Differs from the paper: a ball that shrinks takes the place of the weighted sum of two losses; the slope's
        frequencies are weighted by the threshold; every point of the second stage is rounded to the carrier's grid.
    """

    first: int = 80
    steps: int = 200
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.first + self.steps, backwards=self.first + self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        loud = db(math.inf, problem.within.low, problem.within.high)
        begun = CarliniWagnerAudio(self.first)(replace(problem, within=loud, settle=as_is))
        free = replace(problem, within=problem.within.resized(math.inf), start=begun.x_adv, settle=_inside(problem))
        keeper = Keeper(free, nearest=True, on_grid=True)
        quieten(keeper, climbed(keeper), self.steps, _PACE)
        return keeper.found()


def _inside(problem: Problem[Ball]) -> Callable[[Batch, Batch], Batch]:
    """Settle what lies in the set already; the rest is on its way there and stays as it is."""

    def settled(x_t: Batch, x: Batch) -> Batch:
        inside = problem.within.contains(x_t, x)
        values = x_t.values.clone()
        values[inside] = problem.settle(x_t.rows(inside), x.rows(inside)).values
        return x_t.holding(values)

    return settled
