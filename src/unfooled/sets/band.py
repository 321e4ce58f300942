"""Band: a budget of power of which only some frequencies may be used, `snr:30@300-3400Hz`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import length
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball

from .box import change, silence_padding

_ROUNDING = 2.0**-16
"""Mean size, per sample, of what may lie outside the band: what files of 16 bits round off, at most."""

_WRITTEN = re.compile(r"([0-9]{1,6})-([0-9]{1,6})Hz")


@dataclass(frozen=True)
class Band:
    """A ball of L2 or of a signal-to-noise ratio whose changes lie between two frequencies.

    What files of 16 bits round off may lie outside. A change that would leave the range of inputs is shortened as a
    whole, since cutting off its peaks would bring other frequencies in; beside samples at the range's end there is
    none.

    Attributes:
        within: The ball.
        lowest: Lowest frequency in hertz.
        highest: Highest one, above it.
        rate: Samples a second, more than twice the lowest frequency.
    """

    within: Ball
    lowest: int
    highest: int
    rate: int
    exponent: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        found = f"{self.lowest} to {self.highest} hertz at {self.rate} samples a second"
        if not 0 <= self.lowest < min(self.highest, self.rate / 2):
            raise InputError("A band has frequencies that the recording has", found, "Write snr:30@300-3400Hz.")
        if self.within.exponent != self.exponent:
            raise InputError(
                "A band goes with a budget of power", str(self.within), "Write snr:30@300-3400Hz or l2:1@300-3400Hz."
            )

    def __str__(self) -> str:
        return f"{self.within}@{self.lowest}-{self.highest}Hz"

    @property
    def radius(self) -> float:
        """The radius of the ball."""
        return self.within.radius

    @property
    def low(self) -> float:
        """Lowest input."""
        return self.within.low

    @property
    def high(self) -> float:
        """Highest input."""
        return self.within.high

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        return self.within.distance(x_adv, x)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`; what lies outside the band is no more than a file's rounding."""
        delta = change(x_adv, x)
        sizes = torch.full_like(x.ids, x.values.shape[-1]) if x.lengths is None else x.lengths
        outside = length(delta - self._passed(delta, x))
        return self.within.contains(x_adv, x) & (outside <= _ROUNDING * sizes.double().sqrt() * (1 + 1e-3))

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw from the ball, then project."""
        return self.project(self.within.start(x, draws, draw), x)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw a direction of the band, and go to the ball's rim, or as far as the range lets it."""
        way = self.steepest(self.within.corner(x, draws, draw).values - x.values, x, x)
        return self.project(x.holding(x.values + min(self.radius, 1e6) * way), x)

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Give the steepest direction among those that stay in the band."""
        passed = self._passed(silence_padding(grad, x), x).to(grad.dtype)
        return self.within.steepest(passed, x_adv, x, sparsity)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Undo what lies outside the band, then shorten what is left to the ball and the range."""
        if bool(self._fits(x_adv, x, radius).all()):
            return x_adv
        delta = self._passed(change(x_adv, x), x).view_as(x.values)
        limit = torch.full_like(x.ids, 1, dtype=torch.float64) * self.radius if radius is None else radius.double()
        far = self.within.distance(x.holding(x.values.double() + delta), x)
        space = torch.where(delta > 0, self.high - x.values.double(), x.values.double() - self.low)
        free = (space / delta.abs().clamp(min=1e-300)).flatten(1).amin(dim=1)
        share = torch.minimum((limit * (1 - 1e-6) / far.clamp(min=1e-300)), free).clamp(max=1).unsqueeze(1)
        shorter = (x.values.double() + share * delta).to(x.values.dtype)
        return x.holding(torch.where(self._fits(x_adv, x, radius).unsqueeze(1), x_adv.values, shorter))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """See `Ball.cross`: along the part of the normal that lies in the band."""
        return self.within.cross(x, self._passed(silence_padding(normal, x), x).to(normal.dtype), gap)

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, within=self.within.resized(radius))

    def _fits(self, x_adv: Batch, x: Batch, radius: Tensor | None) -> Tensor:
        inside = self.contains(x_adv, x)
        return inside if radius is None else inside & (self.distance(x_adv, x) <= radius)

    def _passed(self, delta: Tensor, x: Batch) -> Tensor:
        """Keep what lies in the band, each recording (n, t) by itself and at its own length."""
        sizes = [delta.shape[-1]] * len(x) if x.lengths is None else x.lengths.tolist()
        kept = torch.zeros_like(delta, dtype=torch.float64)
        for row, (one, size) in enumerate(zip(delta.double(), sizes, strict=True)):
            hertz = torch.fft.rfftfreq(size, 1 / self.rate, dtype=torch.float64, device=delta.device)
            inside = (hertz >= self.lowest) & (hertz <= self.highest)
            kept[row, :size] = torch.fft.irfft(torch.fft.rfft(one[:size]) * inside, n=size)
        return kept


def read_band(text: str, within: Ball, rate: int) -> Band | None:
    """Read `300-3400Hz` as a band of a ball; None where it is none."""
    found = _WRITTEN.fullmatch(text)
    return Band(within, int(found.group(1)), int(found.group(2)), rate) if found else None
