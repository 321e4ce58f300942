"""APGD-T: one climb towards each of the likeliest other classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.apgd import climb_adaptively
from unfooled.search.keeper import Keeper
from unfooled.search.rivals import likeliest_others


@dataclass(frozen=True)
class APGDTargeted:
    """Climb towards one class after the other, likeliest first.

    Works in any Ball and needs gradients. A goal that names its own class is climbed towards that class each time.

    Attributes:
        targets: Classes to try, at most as many as there are besides the label.
        steps: Gradient steps towards each, 1 or more.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Croce and Hein. Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
        attacks. ICML 2020. https://arxiv.org/abs/2003.01690, sections 4 and 5.
        Differs from the paper: an example leaves at its first success; starts are uniform in the set; any number
        of classes works.
    """

    targets: int = 9
    steps: int = 100
    loss: str = "dlr-targeted"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; one more forward ranks the classes where no hint does."""
        runs = min(self.targets, classes - 1)
        return Bill(queries=0, forwards=runs * (self.steps + 1) + 1, backwards=runs * self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem)
        for rank, toward in enumerate(likeliest_others(problem, self.targets)):
            begin = partial(problem.within.start, draws=problem.draws, draw=rank)
            climb_adaptively(keeper, loss_named(self.loss), self.steps, begin, toward=toward)
        return keeper.found()
