"""Linf: every value may move by at most the radius."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws

from .box import SLACK, change, check_radius, in_range, keep_padding, silence_padding, written


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

    def __post_init__(self) -> None:
        check_radius("linf", self.radius, self.low, self.high)
        if self.radius > self.high - self.low:
            raise InputError(
                f"An Linf radius cannot exceed the range of inputs [{self.low:g}, {self.high:g}]",
                f"{self.radius:g}",
                f"Did you mean {self.radius:g}/255?",
            )

    def __str__(self) -> str:
        return f"linf:{written(self.radius)}"

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

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch) -> Tensor:
        """Give the sign of the gradient."""
        return silence_padding(grad.sign(), x)

    def project(self, x_adv: Batch, x: Batch) -> Batch:
        """Clamp every value to its own interval."""
        lowest = (x.values - self.rim).clamp_(min=self.low)
        highest = (x.values + self.rim).clamp_(max=self.high)
        return x.holding(keep_padding(x_adv.values.clamp(lowest, highest), x))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)
