"""L0: at most so many pixels may change, each as far as it likes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.largest import largest
from unfooled.core.pixels import by_pixel, spread, summed
from unfooled.core.seeds import Draws

from .box import change, check_radius, in_range, keep_padding, named, room, silence_padding


@dataclass(frozen=True)
class L0:
    """At most so many pixels may change, each as far as the range of inputs lets it.

    A pixel of a picture (c, h, w) is one position with all its colours, as in the one-pixel attack and in
    Sparse-RS; of a waveform (t,) it is one sample.

    Attributes:
        radius: Most pixels that may change, a whole number from 0, or infinite.
        low: Lowest input: 0 for pictures, -1 for waveforms.
        high: Highest input.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0
    exponent: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        check_radius("l0", self.radius, self.low, self.high)
        if self.radius < math.inf and self.radius != int(self.radius):
            raise InputError("A radius of l0 counts whole pixels", self.radius, "Write for example l0:3.")

    def __str__(self) -> str:
        return named("l0", self.radius)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Count the changed pixels, (n,) float64."""
        return by_pixel(silence_padding(x_adv.values != x.values, x)).any(dim=1).sum(dim=1).double()

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return (self.distance(x_adv, x) <= self.radius) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw how many pixels change, which ones, and any value for each of their colours."""
        share = 1 - draws.uniform((1,), x.ids, "share", draw).flatten().double()
        return self._scattered(x, draws.uniform(tuple(x.values.shape[1:]), x.ids, "start", draw), share, draws, draw)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw as many pixels as may change, and one end of the range for each of their colours."""
        ends = draws.signs(tuple(x.values.shape[1:]), x.ids, "corner", draw) / 2 + 0.5
        return self._scattered(x, ends, torch.ones_like(x.ids, dtype=torch.float64), draws, draw)

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Move the pixel that gains most to the end of its range, or the share of pixels that `sparsity` names.

        A pixel counts alike however far it goes, so the unit step goes all the way; where as many pixels as may have
        changed, much smaller ones are undone by the next projection.
        """
        slope = silence_padding(grad, x)
        step = room(slope, x_adv, self.low, self.high).view_as(grad) * slope.sign()
        gain = summed(step * slope)
        count = torch.ones_like(x.ids) if sparsity is None else (sparsity * _real(x).sum(dim=1)).round().clamp(min=1)
        return torch.where(spread(largest(gain, count), grad), step, 0.0).to(grad.dtype)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Keep the pixels that the nearest point can spare least, and restore all others; of equal ones the first."""
        limit = torch.full((len(x),), self.radius, dtype=torch.float64, device=x.ids.device)
        limit = limit if radius is None else radius.double()
        delta = change(x_adv, x)
        size = delta.abs()
        kept = torch.minimum(size, room(delta.view_as(x.values), x, self.low, self.high))
        spared = summed((kept * (2 * size - kept)).view_as(x.values))  # squared distance that keeping it takes off
        stays = spread(largest(spared, limit.floor()), x.values)
        return x.holding(keep_padding(torch.where(stays, x_adv.values.clamp(self.low, self.high), x.values), x))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move the pixels that gain most, one after the other, each to the end of its range."""
        slope = silence_padding(normal, x).double()
        step = room(slope, x, self.low, self.high).view_as(slope) * slope.sign()
        gain, order = summed(step * slope).sort(dim=1, descending=True, stable=True)
        gained = pad(gain.cumsum(dim=1), (1, 0))[:, :-1]  # by those before
        needed = torch.zeros_like(order, dtype=torch.bool).scatter(1, order, gained < gap.double().unsqueeze(1))
        moved = torch.where(spread(needed, x.values), step, 0.0)
        return x.holding((x.values + moved).to(x.values.dtype).clamp_(self.low, self.high))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)

    def _scattered(self, x: Batch, values: Tensor, share: Tensor, draws: Draws, draw: int) -> Batch:
        """Give values (n, ...), from 0 to 1, to a `share` (n,) of as many pixels as may change, drawn by lot."""
        real = _real(x)
        count = (share * real.sum(dim=1).clamp(max=self.radius)).ceil()
        lots = draws.uniform((real.shape[1],), x.ids, "pixels", draw) + real  # padding comes last
        drawn = torch.where(spread(largest(lots, count), values), self.low + (self.high - self.low) * values, x.values)
        return self.project(x.holding(drawn.to(x.values.dtype)), x)


def _real(x: Batch) -> Tensor:
    """Mark the pixels that are not padding by 1, the others by 0, (n, d)."""
    return by_pixel(silence_padding(torch.ones_like(x.values), x))[:, 0]
