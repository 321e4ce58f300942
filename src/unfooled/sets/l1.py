"""L1: the changes of all values may add up to at most the radius."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from unfooled.core.batch import Batch
from unfooled.core.largest import largest
from unfooled.core.rows import total, wide
from unfooled.core.seeds import Draws

from .box import SLACK, change, check_radius, in_range, keep_padding, named, room, silence_padding


@dataclass(frozen=True)
class L1:
    """The changes of all values may add up to at most the radius, inside the range of inputs.

    Attributes:
        radius: Largest sum, 0 or more, in units of the input: 1 is one colour of one pixel from black to full.
        low: Lowest input: 0 for pictures, -1 for waveforms.
        high: Highest input.

    Reference:
        Croce and Hein. Mind the box: l1-APGD for sparse adversarial attacks on image classifiers. ICML 2021.
        https://arxiv.org/abs/2103.01208, section 2 (projection) and 3 (sparse step).
        Differs from the paper: the sparse step moves only what the range of inputs does not stop.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0
    exponent: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        check_radius("l1", self.radius, self.low, self.high)

    def __str__(self) -> str:
        return named("l1", self.radius)

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        return total(change(x_adv, x).abs())

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        limit = self.radius + SLACK * max(1.0, self.radius)
        return (self.distance(x_adv, x) <= limit) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from the ball, then project on the range of inputs."""
        share = draws.uniform((1,), x.ids, "share", draw).flatten().double() ** (1 / _real(x).clamp(min=1))
        return self._beyond(x, draws, "start", draw, share)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from the sphere, then project on the range of inputs."""
        return self._beyond(x, draws, "corner", draw, torch.ones_like(x.ids, dtype=torch.float64))

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Move the value of the largest slope, or the share of the example's values that `sparsity` (n,) names.

        Alone it would go on being topped up where the range soon stops it, each time that a projection has pulled it
        back a little. So the unit step has the shape of the best small step: a twentieth of the change so far, at
        least a fiftieth of the range, given to the largest slopes as far as each has room. A sparse step moves its
        values equally far.
        """
        slope = silence_padding(grad, x).double().flatten(1)
        space = room(grad, x_adv, self.low, self.high)
        strength = slope.abs() * (space > 0)
        if sparsity is None:
            small = (self.distance(x_adv, x) / 20).clamp(min=(self.high - self.low) / 50)
            step = _greedy(strength, (strength > 0).double(), space, small)
        else:
            step = (largest(strength, (sparsity * _real(x)).round().clamp(min=1)) & (strength > 0)).double()
        size = total(step).clamp(min=1e-300).unsqueeze(1)
        return (slope.sign() * step / size).to(grad.dtype).view_as(grad)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Find the nearest point of ball and range together.

        It is x + clamp(|x_adv - x| - t, 0, space) with the signs of x_adv - x, for the one t that gives it the
        radius as size, or t = 0 where the range alone makes it small enough.
        """
        limit = torch.full((len(x),), self.radius, dtype=torch.float64, device=x.ids.device)
        limit = limit if radius is None else radius.double()
        delta = change(x_adv, x)
        size, space = delta.abs(), room(delta.view_as(x.values), x, self.low, self.high)
        inside = total(torch.minimum(size, space)) <= limit  # beyond the rim too: what was projected stays
        nearest = keep_padding(torch.where(wide(inside, x.values), x_adv.values, x.values), x)
        nearest = nearest.clamp(self.low, self.high)
        far = (~inside).nonzero().flatten()
        if len(far):
            size, space = size[far], space[far]
            rim = limit[far] * (1 - 1e-6)  # so that adding up in another order does not carry a point outside
            step = torch.minimum((size - _threshold(size, space, rim)).clamp_(min=0), space) * delta[far].sign()
            nearest[far] = _moved(x.values[far], step.view_as(x.values[far]))
        return x.holding(nearest)

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move the values that gain most, one after the other, each to the end of its range and the last in part."""
        gain = silence_padding(normal, x).double().flatten(1)
        space = room(gain.view_as(normal), x, self.low, self.high)
        step = _greedy(gain.abs(), gain.abs(), space, gap.double()) * gain.sign()
        return x.holding((x.values + step.view_as(normal)).to(x.values.dtype).clamp_(self.low, self.high))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, radius=radius)

    def _beyond(self, x: Batch, draws: Draws, tag: str, draw: int, share: Tensor) -> Batch:
        shape = tuple(x.values.shape[1:])
        # half the squares of two normals are exponential; a logarithm taken here would differ between devices
        two = draws.normal((2, *shape), x.ids, tag, draw).double()
        noise = silence_padding(two.square().sum(dim=1) * draws.signs(shape, x.ids, f"{tag} signs", draw), x)
        scale = self.radius * share / total(noise.abs()).clamp(min=1e-300)
        return self.project(x.holding((x.values + wide(scale, noise) * noise).to(x.values.dtype)), x)


def _real(x: Batch) -> Tensor:
    """Count the values of each example that are not padding, (n,)."""
    return silence_padding(torch.ones_like(x.values), x).flatten(1).sum(dim=1)


def _greedy(strength: Tensor, price: Tensor, space: Tensor, budget: Tensor) -> Tensor:
    """Move values (n, d) in the order of their strength, each as far as it has space, until a budget (n,) is spent.

    Moving a value by 1 costs its price. Of equally strong ones the first comes first.
    """
    order = strength.sort(dim=1, descending=True, stable=True).indices
    price, space = price.gather(1, order), space.gather(1, order)
    spent = pad((price * space).cumsum(dim=1), (1, 0))[:, :-1]  # by those before
    left = (budget.unsqueeze(1) - spent).clamp(min=0)
    moved = torch.minimum(torch.where(price > 0, left / price, 0.0), space)
    return torch.zeros_like(moved).scatter(1, order, moved)


def _threshold(size: Tensor, space: Tensor, limit: Tensor) -> Tensor:
    """Find t, (n, 1), with sum_i clamp(size_i - t, 0, space_i) = limit (n,), for rows (n, d) that are larger at t = 0.

    The sum falls with t along straight pieces. Newton's step is exact once it begins on the right piece, which takes
    a few rounds, where sorting the ends of all pieces takes as long as a pass of a small model; a step that leaves
    the bracket is replaced by its middle.
    """
    low, high = torch.zeros_like(limit), size.amax(dim=1)
    t = low
    while True:
        left = (size - t.unsqueeze(1)).clamp_(min=0)
        moving = ((left > 0) & (left < space)).sum(dim=1)
        excess = torch.minimum(left, space).cumsum(dim=1)[:, -1] - limit
        low, high = torch.where(excess > 0, t, low), torch.where(excess > 0, high, t)
        middle, fresh = (low + high) / 2, t + excess / moving
        met = excess.abs() <= 1e-9 * limit
        closed = (fresh == t) | (middle <= low) | (middle >= high)  # floats are no finer
        fresh = torch.where((fresh > low) & (fresh <= high), fresh, middle)
        t = torch.where(met, t, torch.where(closed, high, fresh))  # each row ends by itself
        if bool((met | closed).all()):
            return t.unsqueeze(1)


def _moved(x: Tensor, step: Tensor) -> Tensor:
    """Add a step in float64 and round towards x: roundings of a hundred thousand values must not add up outwards."""
    moved = (x + step).to(x.dtype)
    return torch.where((moved.double() - x).abs() > step.abs(), torch.nextafter(moved, x), moved)
