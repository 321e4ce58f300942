"""Masked: a ball of which only a part of each example may be used, such as a sticker's place or a pause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball

from .stretches import Stretch


@dataclass(frozen=True)
class Masked:
    """A ball of which only a part of each example may be used.

    Attributes:
        within: The ball.
        region: Where inputs may change: the same for all, or a stretch of each recording.
    """

    within: Ball
    region: Region | Stretch

    def __str__(self) -> str:
        return f"{self.within}@{self.region}"

    @property
    def drawn(self) -> Region | None:
        """The mask that was drawn; None where each recording has a stretch of its own."""
        return self.region if isinstance(self.region, Region) else None

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

    @property
    def exponent(self) -> float:
        """See `Ball.exponent`."""
        return self.within.exponent

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        return self.within.distance(x_adv, x)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`; nothing outside the region may differ."""
        untouched = (x_adv.values == x.values) | self._allowed(x)
        return self.within.contains(x_adv, x) & untouched.flatten(1).all(dim=1)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw from the ball, then undo what lies outside the region."""
        return self._limited(self.within.start(x, draws, draw), x)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw from the ball's rim, then undo what lies outside the region."""
        return self._limited(self.within.corner(x, draws, draw), x)

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Give the steepest direction among those that stay in the region."""
        return self.within.steepest(grad * self._allowed(x), x_adv, x, sparsity)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Undo what lies outside the region, then find the ball's nearest point."""
        return self.within.project(self._limited(x_adv, x), x, radius)

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """See `Ball.cross`; a normal that is zero outside the region moves nothing there."""
        return self.within.cross(x, normal * self._allowed(x), gap)

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        return replace(self, within=self.within.resized(radius))

    def _limited(self, x_adv: Batch, x: Batch) -> Batch:
        return x.holding(torch.where(self._allowed(x), x_adv.values, x.values))

    def _allowed(self, x: Batch) -> Tensor:
        if not isinstance(self.region, Region):
            return self.region.allowed_in(x)
        allowed = torch.from_numpy(self.region.allowed).to(x.values.device)
        shape = x.values.shape[1:]
        if allowed.ndim > len(shape) or any(
            own not in (1, other) for own, other in zip(reversed(allowed.shape), reversed(shape), strict=False)
        ):
            raise InputError(
                "The region does not fit the examples",
                f"a mask of shape {self.region.shape}, examples of shape {tuple(shape)}",
                "Draw the mask in the examples' own pixels.",
            )
        return allowed.expand(shape)
