"""MultiTargeted: one PGD towards each of the likeliest other classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import margin
from unfooled.search.ascent import ascend
from unfooled.search.keeper import Keeper
from unfooled.search.rivals import likeliest_others


@dataclass(frozen=True)
class MultiTargeted:
    """Climb the margin of one class after the other, likeliest first.

    Works in any Ball and needs gradients.

    Attributes:
        targets: Classes to try, at most as many as there are besides the label.
        steps: Gradient steps towards each, 1 or more.

    Reference:
        Gowal, Uesato, Qin, Huang, Mann and Kohli. An alternative surrogate loss for PGD-based adversarial testing.
        2019. https://arxiv.org/abs/1910.09338, section 3.
        Differs from the paper: an example leaves at its first success; each class gets one start.
    """

    targets: int = 5
    steps: int = 20
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; one more forward ranks the classes where no hint does."""
        runs = min(self.targets, classes - 1)
        return Bill(queries=0, forwards=runs * (self.steps + 1) + 1, backwards=runs * self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, step = Keeper(problem), problem.within.radius * max(2.5 / self.steps, 0.1)
        for rank, toward in enumerate(likeliest_others(problem, self.targets)):
            begin = partial(problem.within.start, draws=problem.draws, draw=rank)
            ascend(keeper, margin, self.steps, step, begin, toward=toward)
        return keeper.found()
