"""SuperDeepFool: across the boundary, then on its normal, and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.search.deepfool import alternate
from unfooled.search.keeper import Keeper
from unfooled.search.polish import polish


@dataclass(frozen=True)
class SuperDeepFool:
    """Find the nearest success by DeepFool steps across the boundary, each followed by a projection on its normal.

    Works in any Ball and needs gradients; made for L2.

    Attributes:
        steps: Gradient steps in all, 1 or more.
        polish: How many of them, at the end, walk the nearest success along its boundary, at most a third.

    Reference:
        Abdollahpoorrostam, Abroshan and Moosavi-Dezfooli. SuperDeepFool: a new fast and accurate minimal adversarial
        attack. NeurIPS 2024. https://arxiv.org/abs/2303.12481, section 3, SDF(infinity, 1).
        Differs from the paper: steps go towards the best other class instead of the nearest, at one gradient each,
        and a tenth of the way beyond the plane; normals and projections are the set's, the range of inputs included;
        the projection leads to the boundary's plane, so that no line is searched at the end; it goes on after the
        first projection that holds, in the ball of the nearest success; the last steps polish.
    """

    steps: int = 60
    polish: int = 20
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.steps + 2, backwards=self.steps)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        keeper = Keeper(problem, nearest=True)
        last = min(self.polish, self.steps // 3)
        alternate(keeper, self.steps - last)
        polish(keeper, last)
        return keeper.found()
