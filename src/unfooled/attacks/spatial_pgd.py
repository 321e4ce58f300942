"""Spatial PGD: climb over turns and shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.rows import inner
from unfooled.core.target import Access
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.sets.motion import Motion


@dataclass(frozen=True)
class SpatialPGD:
    """Climb the loss over degrees and pixels from random motions, by the sign of its slope along each.

    Needs gradients; asks far less than a grid, and misses more: the loss has many summits over so few numbers.

    Attributes:
        steps: Gradient steps of one restart, 1 or more.
        step: Size of a step as a share of each limit, above 0 to 1.
        restarts: Random starts, 1 or more.
        loss: What to climb, by its name in `losses.LOSSES`.

    Reference:
        Engstrom, Tran, Tsipras, Schmidt and Madry. Exploring the landscape of spatial robustness. ICML 2019.
        https://arxiv.org/abs/1712.02779, section 3, first-order method.
        Differs from the paper: the model is asked at whole degrees and pixels; slopes of the picture are taken over one
        of these to either side; an example leaves at its first success.
    """

    steps: int = 10
    step: float = 0.2
    restarts: int = 5
    loss: str = "cross-entropy"
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        """See `Attack.bill`."""
        return Bill(queries=0, forwards=self.restarts * (self.steps + 1), backwards=self.restarts * self.steps)

    def __call__(self, problem: Problem[Motion]) -> Found:
        """See `Attack`."""
        keeper, target, within = Keeper(problem), problem.target, problem.within
        objective = problem.objective(loss_named(self.loss))
        limit = torch.tensor(within.limits(tuple(problem.x.values.shape[1:])), device=problem.y.device)
        for restart in range(self.restarts):
            owner = keeper.open()
            lots = problem.draws.uniform((3,), problem.x.ids[owner], "motion", restart)
            motion = (2 * lots - 1) * limit
            for _ in range(self.steps):
                if not len(owner):
                    break
                x, here = problem.x.rows(owner), motion.round()
                shown = within.moved(x, here)
                climb = target.gradient(shown, objective, owner)
                going_on = keeper.keep(owner, shown, climb.loss, climb.answer)
                motion = motion + self.step * limit * _slope(within, x, here, climb.grad).sign()
                owner, motion = owner[going_on], motion.clamp(-limit, limit)[going_on]
            if len(owner):
                last = within.moved(problem.x.rows(owner), motion.round())
                seen = target.losses(last, objective, owner)
                keeper.keep(owner, last, seen.loss, seen.answer)
        return keeper.found()


def _slope(within: Motion, x: Batch, here: Tensor, grad: Tensor) -> Tensor:
    """Find how the loss changes with degrees and with pixels down and right, (r, 3)."""
    sides = torch.eye(3, device=here.device)
    ahead, behind = ([within.moved(x, here + sign * side).values for side in sides] for sign in (1, -1))
    return torch.stack([inner(grad, one - other) for one, other in zip(ahead, behind, strict=True)], dim=1).float()
