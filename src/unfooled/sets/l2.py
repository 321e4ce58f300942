"""L2: the whole change may have at most the radius as its Euclidean length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws

from .box import SLACK, change, check_radius, in_range, keep_padding, silence_padding, written


@dataclass(frozen=True)
class L2:
    """The whole change may have at most the radius as its Euclidean length, inside the range of inputs.

    Attributes:
        radius: Largest length, 0 or more, in units of the input: 1 is one colour of one pixel from black to full.
        low: Lowest input: 0 for pictures, -1 for waveforms.
        high: Highest input.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_radius("l2", self.radius, self.low, self.high)

    def __str__(self) -> str:
        return f"l2:{written(self.radius)}"

    @property
    def rim(self) -> float:
        """The radius less a millionth, so that rounding to float32 does not carry a point outside."""
        return self.radius * (1 - 1e-6)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        return _length(change(x_adv, x))

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        limit = self.radius + SLACK * max(1.0, self.radius)
        return (self.distance(x_adv, x) <= limit) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from the ball, then project on the range of inputs."""
        shape = tuple(x.values.shape[1:])
        size = silence_padding(torch.ones_like(x.values), x).flatten(1).sum(dim=1)  # real values of each example
        share = draws.uniform((1,), x.ids, "share", draw).flatten().double() ** (1 / size.clamp(min=1))
        return self._beyond(x, draws.normal(shape, x.ids, "start", draw), share)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from the sphere, then project on the range of inputs."""
        shape = tuple(x.values.shape[1:])
        return self._beyond(x, draws.normal(shape, x.ids, "corner", draw), torch.ones_like(x.ids, dtype=torch.float64))

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch) -> Tensor:
        """Give the gradient scaled to length 1; zero where it is zero."""
        return _unit(silence_padding(grad, x))

    def project(self, x_adv: Batch, x: Batch) -> Batch:
        """Find the nearest point of ball and range together.

        The nearest point is x + clamp(s * (x_adv - x)) for the one s in [0, 1] that gives it the radius as length:
        each round frees s from the values that the range has stopped; lengths only grow, so it ends.
        """
        delta = silence_padding(x_adv.values - x.values, x)
        room = torch.where(delta > 0, self.high - x.values, x.values - self.low).flatten(1)
        size, wide = delta.abs().flatten(1), (-1, *[1] * (delta.ndim - 1))
        inside = _length(torch.minimum(size, room)) <= self.radius  # beyond the rim too: what was projected stays
        share = self._share(size, room).to(delta.dtype).view(wide)
        shorter = (x.values + share * delta).clamp_(self.low, self.high)
        values = torch.where(inside.view(wide), x_adv.values.clamp(self.low, self.high), shorter)
        return x.holding(keep_padding(values, x))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)

    def _share(self, size: Tensor, room: Tensor) -> Tensor:
        """Find s for changes of `size` (n, d) of which the range lets `room` (n, d) pass, (n,) float64."""
        share = torch.zeros(len(size), dtype=torch.float64, device=size.device)
        while True:
            stopped = share.unsqueeze(1).to(size.dtype) * size > room
            spent, moving = _length(room.masked_fill(~stopped, 0)), _length(size.masked_fill(stopped, 0))
            left = (self.rim * self.rim - spent.square()).clamp(min=0).sqrt()
            fresh = torch.where(moving > 0, left / moving.clamp(min=1e-300), 1.0).clamp(max=1)
            grows = fresh > share * (1 + 1e-8)  # each row ends by itself, whatever its neighbours still do
            if not bool(grows.any()):
                return share
            share = torch.where(grows, fresh, share)

    def _beyond(self, x: Batch, noise: Tensor, share: Tensor) -> Batch:
        length = (self.rim * share).view(-1, *[1] * (noise.ndim - 1)).to(noise.dtype)
        return self.project(x.holding(x.values + length * _unit(silence_padding(noise, x))), x)


def _length(rows: Tensor) -> Tensor:
    """Measure rows (n, d), (n,) float64.

    Not by sum(), which may add up a single long row in another order than many rows: an answer would hang on how
    many examples are asked about together.
    """
    length: Tensor = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)
    return length


def _unit(direction: Tensor) -> Tensor:
    length = _length(direction.flatten(1))
    scale = torch.where(length > 0, 1 / length.clamp(min=1e-300), 0.0)
    return (direction.double() * scale.view(-1, *[1] * (direction.ndim - 1))).to(direction.dtype)
