"""Feature importance-aware attack: spoil what an inner layer of models of one's own makes of the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.features import feature_slope
from unfooled.search.slopes import after, layered, viewed
from unfooled.search.transfer import check_surrogates, climbed, tried
from unfooled.search.transforms import momentum
from unfooled.search.views import resized


@dataclass(frozen=True)
class FIA:
    """Climb the features that matter to the surrogates, and ask the target once, at the end.

    Works in any Ball and needs one label; surrogates give the gradients and cost nothing.

    Attributes:
        steps: Steps, 1 or more.
        step: Size of a step as a share of the radius; None for 1 / steps.
        decay: Share of the old sum of slopes that each step keeps, 0 to 1.
        diversity: Chance that a point is shrunk and moved, 0 to 1.
        depth: Of the layer, as a share of those that convolve or multiply by a matrix, above 0 to 1.
        copies: By which the importance of features is told, 1 or more.
        loss: By which it is told, by its name in `losses.LOSSES`.

    Reference:
        Wang, Guo, Zhang, Liu, Qin and Ren. Feature importance-aware transferable adversarial attacks. ICCV 2021.
        https://arxiv.org/abs/2107.14185, section 3; see `search.features` for where it differs.
        Differs from the paper: slopes are scaled by the mean of their values, not by the sum.
    """

    steps: int = 10
    step: float | None = None
    decay: float = 1.0
    diversity: float = 0.0
    depth: float = 0.5
    copies: int = 30
    loss: str = "margin"
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; surrogates cost nothing."""
        return Bill(queries=1, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        check_surrogates(problem)
        step = (1 / self.steps if self.step is None else self.step) * problem.within.radius
        plain = feature_slope(problem, loss_named(self.loss), self.depth, self.copies)
        views = (viewed(resized(problem.draws, self.diversity, 0.9)),) if self.diversity else ()
        slope = layered(plain, (*views, after(momentum(self.decay))), len(problem.x))
        return tried(problem, lambda owner: climbed(problem, slope, owner, steps=self.steps, step=step))
