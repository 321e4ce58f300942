"""Transfer: fool models of one's own, and hope that the target falls too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.losses import loss_named
from unfooled.search.slopes import Layer, after, foreseen, layered, varied, viewed
from unfooled.search.transfer import Mixture, climbed, surrogate_slope, tried
from unfooled.search.transforms import momentum, smoothed
from unfooled.search.views import paled, resized, shuffled


@dataclass(frozen=True)
class Transfer:
    """Climb the surrogates along slopes that are made to carry over, and ask the target once, at the end.

    Works in any Ball and needs one label; surrogates give the gradients and cost nothing.

    Attributes:
        steps: Steps, 1 or more.
        step: Size of a step as a share of the radius; None for 1 / steps.
        decay: Share of the old sum of slopes that each step keeps, 0 to 1; 0 for I-FGSM.
        nesterov: Whether slopes are taken where the sum leads.
        diversity: Chance that a point is shrunk and moved, 0 to 1.
        kernel: Side of the slopes' blur, odd; 1 for none.
        scales: Copies, each half as bright as the one before, 1 or more.
        neighbours: Points within 1.5 radii by which slopes are corrected; 0 for none.
        blocks: Pieces along a side that are shuffled and turned; 0 for none.
        copies: Shuffled copies of each point, 1 or more.
        mixture: How surrogates are put together: `scores`, `losses` or `longitudinal`.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Dong, Liao, Pang, Su, Zhu, Hu and Li. Boosting adversarial attacks with momentum. CVPR 2018.
        https://arxiv.org/abs/1710.06081, algorithms 1 and 2; more in `search.slopes`, `views` and `transforms`.
        Differs from the paper: slopes are scaled by the mean of their values, not by the sum.
    """

    steps: int = 10
    step: float | None = None
    decay: float = 1.0
    nesterov: bool = False
    diversity: float = 0.0
    kernel: int = 1
    scales: int = 1
    neighbours: int = 0
    blocks: int = 0
    copies: int = 1
    mixture: Mixture = "scores"
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`; surrogates cost nothing."""
        return Bill(queries=1, forwards=0, backwards=0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        """See `Attack`."""
        step = (1 / self.steps if self.step is None else self.step) * problem.within.radius
        plain = surrogate_slope(problem, loss_named(self.loss), self.mixture)
        slope = layered(plain, self._layers(problem, step), len(problem.x))
        return tried(problem, lambda owner: climbed(problem, slope, owner, steps=self.steps, step=step))

    def _layers(self, problem: Problem[Ball], step: float) -> tuple[Layer, ...]:
        return (
            *((viewed(resized(problem.draws, self.diversity, 0.9)),) if self.diversity else ()),
            *((viewed(shuffled(problem.draws, self.blocks, 24), self.copies),) if self.blocks > 1 else ()),
            *((viewed(paled(self.scales), self.scales),) if self.scales > 1 else ()),
            *((varied(problem.within, problem.draws, self.neighbours, 1.5),) if self.neighbours else ()),
            *((after(smoothed(self.kernel)),) if self.kernel > 1 else ()),
            after(momentum(self.decay)),
            *((foreseen(step),) if self.nesterov else ()),
        )
