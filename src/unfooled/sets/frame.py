"""Frame: only pixels near the border may change."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws

from .box import check_radius, in_range, keep_padding, named, room, silence_padding


@dataclass(frozen=True)
class Frame:
    """Pixels on a frame along the border may change, each as far as the range of inputs lets it.

    Of a waveform (t,) the frame is its beginning and its end.

    Attributes:
        radius: Width of the frame in pixels, a whole number from 0, or infinite.
        low: Lowest input: 0 for pictures, -1 for waveforms.
        high: Highest input.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0
    exponent: ClassVar[float] = math.inf

    def __post_init__(self) -> None:
        check_radius("frame", self.radius, self.low, self.high)
        if self.radius < math.inf and self.radius != int(self.radius):
            raise InputError("A frame has a width of whole pixels", self.radius, "Write for example frame:2.")

    def __str__(self) -> str:
        return named("frame", self.radius)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the width of the narrowest frame that holds all changes, (n,) float64."""
        changed = silence_padding(x_adv.values != x.values, x)
        return (changed * _depth(x)).flatten(1).amax(dim=1).double()

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return (self.distance(x_adv, x) <= self.radius) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw any value for each colour of the frame's pixels."""
        return self._filled(x, draws.uniform(tuple(x.values.shape[1:]), x.ids, "start", draw))

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw one end of the range for each colour of the frame's pixels."""
        return self._filled(x, draws.signs(tuple(x.values.shape[1:]), x.ids, "corner", draw) / 2 + 0.5)

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Move all of the frame to the ends of its range: a pixel counts alike however far it goes."""
        slope = silence_padding(grad, x) * (_depth(x) <= self.radius)
        return (room(slope, x_adv, self.low, self.high).view_as(grad) * slope.sign()).to(grad.dtype)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Restore all that is not on the frame."""
        limit = self.radius if radius is None else radius.view(-1, *[1] * (x.values.ndim - 1))
        nearest = torch.where(_depth(x) <= limit, x_adv.values.clamp(self.low, self.high), x.values)
        return x.holding(keep_padding(nearest, x))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move the narrowest frame that can gain enough to the ends of its range."""
        slope = silence_padding(normal, x).double()
        step = room(slope, x, self.low, self.high).view_as(slope) * slope.sign()
        depth = _depth(x).expand_as(slope)
        gained = torch.zeros(len(x), int(depth.amax()) + 1, dtype=torch.float64, device=slope.device)
        gained = gained.scatter_add(1, depth.flatten(1), (step * slope).flatten(1)).cumsum(dim=1)
        enough = gained >= gap.double().unsqueeze(1)  # at width 0 where there is no gap
        width = torch.where(enough.any(dim=1), enough.to(torch.int8).argmax(dim=1), gained.shape[1])
        moved = torch.where(depth <= width.view(-1, *[1] * (slope.ndim - 1)), step, 0.0)
        return x.holding((x.values + moved).to(x.values.dtype).clamp_(self.low, self.high))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)

    def _filled(self, x: Batch, values: Tensor) -> Batch:
        return self.project(x.holding((self.low + (self.high - self.low) * values).to(x.values.dtype)), x)


def _depth(x: Batch) -> Tensor:
    """Tell how far from the border each place lies, 1 for the outermost, (n, 1, *places) or (n, t) int64."""
    values, axes = x.values, range(min(2, x.values.ndim - 1), x.values.ndim)
    depth = torch.full([1] * values.ndim, max(values.shape[1:]), device=values.device)
    for axis in axes:
        place = torch.arange(values.shape[axis], device=values.device).view(-1, *[1] * (values.ndim - 1 - axis))
        end = torch.full_like(x.ids, values.shape[axis]) if x.lengths is None or axis < values.ndim - 1 else x.lengths
        behind = end.view(-1, *[1] * (values.ndim - 1)) - place
        depth = torch.minimum(depth, torch.minimum(place + 1, behind))
    return depth.clamp(min=1)
