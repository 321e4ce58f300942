"""Patch: one square of so many pixels may change, wherever the attacker puts it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws

from .box import change, check_radius, in_range, keep_padding, named, room, silence_padding


@dataclass(frozen=True)
class Patch:
    """Pixels inside one upright square may change, each as far as the range of inputs lets it.

    The attacker chooses the square's place for each example. Of a waveform (t,) it is a run of samples.

    Attributes:
        radius: Side of the square in pixels, a whole number from 0, or infinite.
        low: Lowest input: 0 for pictures, -1 for waveforms.
        high: Highest input.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0
    exponent: ClassVar[float] = 0.0  # how far values go does not count; sizes do not add up, since places matter

    def __post_init__(self) -> None:
        check_radius("patch", self.radius, self.low, self.high)
        if self.radius < math.inf and self.radius != int(self.radius):
            raise InputError("A patch has a side of whole pixels", self.radius, "Write for example patch:20.")

    def __str__(self) -> str:
        return named("patch", self.radius)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the longest side of the box around all changes, (n,) float64."""
        changed = _places(silence_padding(x_adv.values != x.values, x)).any(dim=1)
        far = torch.zeros_like(x.ids)
        for axis in range(1, changed.ndim):
            line = changed.movedim(axis, 1).unsqueeze(-1).flatten(2).any(dim=2).to(torch.int8)
            extent = line.shape[1] - line.argmax(dim=1) - line.flip(1).argmax(dim=1)
            far = torch.maximum(far, torch.where(line.any(dim=1), extent, 0))
        return far.double()

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return (self.distance(x_adv, x) <= self.radius) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw a place, and any value for each colour of its pixels."""
        return self._drawn(x, draws.uniform(tuple(x.values.shape[1:]), x.ids, "start", draw), draws, draw)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw a place, and one end of the range for each colour of its pixels."""
        return self._drawn(x, draws.signs(tuple(x.values.shape[1:]), x.ids, "corner", draw) / 2 + 0.5, draws, draw)

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Move the square that gains most to the ends of its range: a patch counts alike however far it goes."""
        slope = silence_padding(grad, x)
        step = room(slope, x_adv, self.low, self.high).view_as(grad) * slope.sign()
        inside = _best(_places((step * slope).double()), self._side(x))
        return torch.where(inside.view(_one_colour(grad)), step, 0.0).to(grad.dtype)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Keep the square whose restoring would take the point furthest, and restore all outside; of equal the first.

        What is inside the set stays as it is.
        """
        side = self._side(x) if radius is None else self._whole(radius.double(), x)
        delta = change(x_adv, x)
        size = delta.abs()
        kept = torch.minimum(size, room(delta.view_as(x.values), x, self.low, self.high))
        spared = _places((kept * (2 * size - kept)).view_as(x.values))  # squared distance that keeping it takes off
        fits = (self.distance(x_adv, x) <= side).view(-1, *[1] * (x.values.ndim - 1))
        inside = _best(spared, side).view(_one_colour(x.values)) | fits
        nearest = torch.where(inside, x_adv.values.clamp(self.low, self.high), x.values)
        return x.holding(keep_padding(nearest, x))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move the smallest square that can gain enough to the ends of its range; the side is found by halving."""
        slope = silence_padding(normal, x).double()
        step = room(slope, x, self.low, self.high).view_as(slope) * slope.sign()
        gain = _places(step * slope)
        most = max(gain.shape[2:])
        low, high = torch.zeros_like(x.ids), torch.full_like(x.ids, most)
        for _ in range(most.bit_length()):
            middle = (low + high) // 2
            enough = (gain.sum(dim=1) * _best(gain, middle)).flatten(1).cumsum(dim=1)[:, -1] >= gap
            low, high = torch.where(enough, low, (middle + 1).minimum(high)), torch.where(enough, middle, high)
        inside = _best(gain, torch.where(gap > 0, high, 0)).view(_one_colour(x.values))
        moved = (x.values + torch.where(inside, step, 0.0)).to(x.values.dtype)
        return x.holding(moved.clamp_(self.low, self.high))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)

    def _side(self, x: Batch) -> Tensor:
        return self._whole(torch.full((len(x),), self.radius, dtype=torch.float64, device=x.ids.device), x)

    @staticmethod
    def _whole(radius: Tensor, x: Batch) -> Tensor:
        return radius.clamp(max=max(x.values.shape[1:])).floor().long()

    def _drawn(self, x: Batch, values: Tensor, draws: Draws, draw: int) -> Batch:
        """Give values (n, ...), from 0 to 1, to a square at a place drawn by lot."""
        places, side = tuple(_places(x.values).shape[2:]), self._side(x)
        lots = draws.uniform((len(places),), x.ids, "place", draw).double()
        begins = []
        for axis, length in enumerate(places):
            real = x.lengths if x.lengths is not None and axis == len(places) - 1 else torch.full_like(side, length)
            begins.append((lots[:, axis] * ((real - side).clamp(min=0) + 1)).long())
        inside = _square(begins, side, places).view(_one_colour(x.values))
        drawn = torch.where(inside, self.low + (self.high - self.low) * values, x.values)
        return x.holding(keep_padding(drawn.to(x.values.dtype), x))


def _places(values: Tensor) -> Tensor:
    """Shape values (n, c, *places) or (n, t) so that colours are the second axis."""
    return values.unsqueeze(1) if values.ndim == 2 else values


def _one_colour(values: Tensor) -> tuple[int, ...]:
    """Give the shape in which a mask (n, *places) broadcasts over values (n, ...)."""
    return tuple(values.shape) if values.ndim == 2 else (len(values), 1, *values.shape[2:])


def _best(worth: Tensor, side: Tensor) -> Tensor:
    """Mark the square of sides (n,) in which worth (n, c, *places), 0 or more, adds up to most, (n, *places) bool."""
    sums = worth.cumsum(dim=1)[:, -1]
    places = tuple(sums.shape[1:])
    for axis, length in enumerate(places, start=1):
        run = pad(sums.movedim(axis, -1).cumsum(dim=-1), (1, 0))
        end = (torch.arange(length, device=side.device) + side.unsqueeze(1)).clamp(max=length)
        end = end.view(-1, *[1] * (run.ndim - 2), length).expand(*run.shape[:-1], length)
        sums = (run.gather(-1, end) - run[..., :-1]).movedim(-1, axis)
    first = sums.flatten(1).argmax(dim=1)
    begins = list(torch.unravel_index(first, places))
    lengths = torch.tensor(places, device=side.device)
    return _square([at.minimum((lengths[axis] - side).clamp(min=0)) for axis, at in enumerate(begins)], side, places)


def _square(begins: list[Tensor], side: Tensor, places: tuple[int, ...]) -> Tensor:
    """Mark the squares that begin at these places, each (n,), and have these sides (n,), (n, *places) bool."""
    inside = torch.ones((len(side), *[1] * len(places)), dtype=torch.bool, device=side.device)
    for axis, (begin, length) in enumerate(zip(begins, places, strict=True)):
        at = torch.arange(length, device=side.device)
        line = (at >= begin.unsqueeze(1)) & (at < (begin + side).unsqueeze(1))
        inside = inside & line.view(-1, *[1] * axis, length, *[1] * (len(places) - axis - 1))
    return inside
