"""Linf: every value may move by at most the radius."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import wide
from unfooled.core.seeds import Draws

from .box import SLACK, change, check_radius, in_range, keep_padding, named, pace, silence_padding


@dataclass(frozen=True)
class Linf:
    """Every value may move by at most the radius, inside the range of inputs.

    Attributes:
        radius: Largest move of one value, from 0 to high - low; pictures live in [0, 1], so write 8/255, not 8.
        low: Lowest input: 0 for pictures, -1 for waveforms.
        high: Highest input.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0
    exponent: ClassVar[float] = math.inf

    def __post_init__(self) -> None:
        check_radius("linf", self.radius, self.low, self.high)
        if self.high - self.low < self.radius < math.inf:
            raise InputError(
                f"An Linf radius cannot exceed the range of inputs [{self.low:g}, {self.high:g}]",
                f"{self.radius:g}",
                f"Did you mean {self.radius:g}/255?",
            )

    def __str__(self) -> str:
        return named("linf", self.radius)

    @property
    def rim(self) -> float:
        """The radius less one float32 rounding near 1, so that x + rim never lies outside."""
        return max(self.radius - 2**-24, 0.0)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        return change(x_adv, x).abs().amax(dim=1)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return (self.distance(x_adv, x) <= self.radius + SLACK) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from the set."""
        noise = draws.uniform(tuple(x.values.shape[1:]), x.ids, "start", draw) * 2 - 1
        return self.project(x.holding(x.values + self.rim * noise), x)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw one of the corners: every value moves by the whole radius, up or down."""
        signs = draws.signs(tuple(x.values.shape[1:]), x.ids, "corner", draw)
        return self.project(x.holding(x.values + self.rim * signs), x)

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Give the sign of the gradient."""
        return silence_padding(grad.sign(), x)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Clamp every value to its own interval."""
        rim = self.rim if radius is None else wide((radius - 2**-24).clamp(min=0), x.values).to(x.values.dtype)
        bound = x.values - rim
        nearest = torch.maximum(x_adv.values, bound)
        torch.add(x.values, rim, out=bound)  # in place: an attack's own cost is what it moves through the cache
        torch.minimum(nearest, bound, out=nearest).clamp_(self.low, self.high)
        return x.holding(keep_padding(nearest, x))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move all values that matter equally far, each until it meets the range."""
        gain, values = silence_padding(normal, x).flatten(1), x.values.flatten(1)
        space = torch.where(gain > 0, self.high - values, values - self.low)
        far = pace(gain.abs(), space, gap.double()).to(values.dtype)
        step = torch.minimum(far.unsqueeze(1), space) * gain.sign()
        return x.holding((x.values + step.view_as(normal)).clamp_(self.low, self.high))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)
