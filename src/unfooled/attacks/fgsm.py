"""FGSM: one step of the whole radius."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.ascent import ascend
from unfooled.search.keeper import Keeper


@dataclass(frozen=True)
class FGSM:
    """One step of the whole radius in the steepest direction from the clean example.

    Works in any Ball and needs gradients.

    Attributes:
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Goodfellow, Shlens and Szegedy. Explaining and harnessing adversarial examples. ICLR 2015.
        https://arxiv.org/abs/1412.6572, section 4.
        Differs from the paper: in a set other than Linf the step goes in that set's steepest direction.
    """

    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=2, backwards=1)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        ascend(keeper, loss_named(self.loss), 1, problem.within.radius)
        return keeper.found()
