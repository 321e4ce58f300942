"""L2: the whole change may have at most the radius as its Euclidean length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import length, unit, wide
from unfooled.core.seeds import Draws

from .box import SLACK, change, check_radius, in_range, keep_padding, named, pace, room, silence_padding


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
    exponent: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        check_radius("l2", self.radius, self.low, self.high)

    def __str__(self) -> str:
        return named("l2", self.radius)

    @property
    def rim(self) -> float:
        """The radius less a millionth, so that rounding to float32 does not carry a point outside."""
        return self.radius * (1 - 1e-6)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        return length(change(x_adv, x))

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

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Give the gradient scaled to length 1; zero where it is zero."""
        return unit(silence_padding(grad, x))

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Find the nearest point of ball and range together.

        The nearest point is x + clamp(s * (x_adv - x)) for the one s in [0, 1] that gives it the radius as length:
        each round frees s from the values that the range has stopped; lengths only grow, so it ends.
        """
        limit = torch.full((len(x),), self.radius, dtype=torch.float64, device=x.ids.device)
        limit = limit if radius is None else radius.double()
        delta = silence_padding(x_adv.values - x.values, x)
        space = torch.where(delta > 0, self.high - x.values, x.values - self.low).flatten(1)
        size = delta.abs().flatten(1)
        inside = length(torch.minimum(size, space)) <= limit  # beyond the rim too: what was projected stays
        share = _share(size, space, limit * (1 - 1e-6))
        shorter = (x.values + wide(share.to(delta.dtype), delta) * delta).clamp_(self.low, self.high)
        values = torch.where(wide(inside, delta), x_adv.values.clamp(self.low, self.high), shorter)
        return x.holding(keep_padding(values, x))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move along the normal, each value until it meets the range."""
        gain = silence_padding(normal, x).double().flatten(1)
        space = room(gain.view_as(normal), x, self.low, self.high)
        stops = torch.where(gain != 0, space / gain.abs(), torch.inf)
        far = pace(gain.square(), stops, gap.double())
        moved = torch.where(gain != 0, far.unsqueeze(1) * gain.abs(), 0.0)
        step = torch.minimum(moved, space) * gain.sign()
        return x.holding((x.values + step.view_as(normal)).to(x.values.dtype).clamp_(self.low, self.high))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)

    def _beyond(self, x: Batch, noise: Tensor, share: Tensor) -> Batch:
        far = wide(self.rim * share, noise).to(noise.dtype)
        return self.project(x.holding(x.values + far * unit(silence_padding(noise, x))), x)


def _share(size: Tensor, space: Tensor, rim: Tensor) -> Tensor:
    """Find s for changes of `size` (n, d) of which the range lets `space` (n, d) pass, (n,) float64."""
    share = torch.zeros(len(size), dtype=torch.float64, device=size.device)
    while True:
        stopped = share.unsqueeze(1).to(size.dtype) * size > space
        spent, moving = length(space.masked_fill(~stopped, 0)), length(size.masked_fill(stopped, 0))
        left = (rim.square() - spent.square()).clamp(min=0).sqrt()
        fresh = torch.where(moving > 0, left / moving.clamp(min=1e-300), 1.0).clamp(max=1)
        grows = fresh > share * (1 + 1e-8)  # each row ends by itself, whatever its neighbours still do
        if not bool(grows.any()):
            return share
        share = torch.where(grows, fresh, share)
