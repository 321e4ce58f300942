"""Adam on what a sign wears, through the eyes of a camera and of several models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.target import Target
from unfooled.scenes.roadside import Roadside

from .adversarial_patch import Wanted

_FADING, _FADING_SQUARES = 0.9, 0.99  # of Adam
_ODD = -7046029254386353131  # 2^64 over the golden ratio, as a signed number: consecutive multiples lie far apart

Worn = Callable[[Tensor, bool], tuple[Tensor, Tensor]]
"""Free numbers, and whether it is late -> the sign's face (4, s, s), and a cost besides that of failing."""


@dataclass(frozen=True)
class Descent:
    """What does not change from step to step.

    Attributes:
        sources: The attacker's models.
        weights: What each counts.
        train: Backgrounds, (n, 3, 64, 64).
        wanted: What is to be reached, with the label of each background.
        roadside: How the sign is seen.
        steps: How many, 1 or more.
        batch: Views of one step.
        step: Size of the first step; the last one is a tenth of it.
    """

    sources: tuple[Target, ...]
    weights: tuple[float, ...]
    train: Batch
    wanted: Wanted
    roadside: Roadside
    steps: int
    batch: int
    step: float

    def descended(self, free: Tensor, worn: Worn, stage: str) -> Tensor:
        """Lead free numbers to where the mean loss is least; the second half of the steps is late."""
        mean, square = torch.zeros_like(free), torch.zeros_like(free)
        draws = self.wanted.draws
        for k in range(self.steps):
            seeds = torch.arange(k * self.batch, (k + 1) * self.batch, device=self.train.ids.device)
            rows = (draws.uniform((1,), seeds, f"{stage} rows").flatten() * len(self.train)).long()
            views = Batch(self.train.values[rows], self.train.ids[rows] + _ODD * (seeds + 1))
            grad = self._grad(free, worn, views, rows, late=2 * k >= self.steps)
            mean = _FADING * mean + (1 - _FADING) * grad
            square = _FADING_SQUARES * square + (1 - _FADING_SQUARES) * grad.square()
            unbiased = (1 - _FADING_SQUARES ** (k + 1)) ** 0.5 / (1 - _FADING ** (k + 1))
            size = self.step * (1 - 0.9 * k / self.steps)
            free = free - size * unbiased * mean / (square.sqrt() + 1e-8)
        return free

    def _grad(self, free: Tensor, worn: Worn, views: Batch, rows: Tensor, *, late: bool) -> Tensor:
        """Find where loss and cost grow: one look for all models."""
        leaf = free.detach().requires_grad_()
        with torch.enable_grad():
            face, cost = worn(leaf, late)
            shown = self.roadside.shown(face, views, self.wanted.draws)
        at = views.holding(shown.detach())
        pull = torch.zeros_like(at.values)
        for source, weight in zip(self.sources, self.weights, strict=True):
            pull -= weight / len(rows) * source.gradient(at, self.wanted, rows).grad
        back = torch.autograd.grad((shown, cost), leaf, (pull, torch.ones_like(cost)), allow_unused=True)[0]
        return torch.nan_to_num(back, nan=0.0, posinf=0.0, neginf=0.0)
