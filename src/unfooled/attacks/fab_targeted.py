"""FAB-T: steps to the boundary with each of the likeliest other classes, with a pull towards the clean example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import margin
from unfooled.search.fab import Pace, step_to_boundary
from unfooled.search.keeper import Keeper
from unfooled.search.polish import polish
from unfooled.search.rivals import likeliest_others


@dataclass(frozen=True)
class FABTargeted:
    """Find the nearest success by steps to the boundary with one class after the other, likeliest first.

    Works in any Ball and needs gradients; made for Linf, L2 and L1. A goal that names its own class is approached
    each time.

    Attributes:
        targets: Classes to try, at most as many as there are besides the label.
        steps: Gradient steps towards each, 1 or more.
        alpha_max: Most that the projection of the clean example counts in a step, 0 to 1.
        eta: How far steps go, as a multiple of the way to the boundary, 1 or more.
        beta: How much of a success's change is left when it is drawn back, 0 to 1.
        polish: Steps of the nearest success along its boundary at the end.

    Reference:
        Croce and Hein. Minimally distorted adversarial examples with a fast adaptive boundary attack. ICML 2020.
        https://arxiv.org/abs/1907.02044, section 2, algorithm 1; towards one class at a time as in Reliable evaluation
        of adversarial robustness, ICML 2020, https://arxiv.org/abs/2003.01690, section 5.
        Differs from the papers: no point outside the set is ever asked about, so where the set has a radius, steps
        end on it; one pass tells label and gradient of a point that is no success; one restart, which begins at x;
        the last search walks along the boundary instead of halving the line to x.
    """

    targets: int = 9
    steps: int = 100
    alpha_max: float = 0.1
    eta: float = 1.05
    beta: float = 0.9
    polish: int = 3
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; one more forward ranks the classes where no hint does."""
        runs = min(self.targets, classes - 1)
        forwards = runs * (2 * self.steps + 1) + self.polish + 2
        return Bill(queries=0, forwards=forwards, backwards=runs * 2 * self.steps + self.polish)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper, pace = Keeper(problem, nearest=True), Pace(self.alpha_max, self.eta, self.beta)
        for toward in likeliest_others(problem, self.targets):
            step_to_boundary(keeper, margin, self.steps, pace, toward=toward)
        polish(keeper, self.polish)
        return keeper.found()
