"""Two ways down a penalised problem: Adam behind a tanh, and shrinking with inertia."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from unfooled.core.rows import total

from .penalty import Place

_EDGE = 0.99  # of the tanh's range belongs to the inputs: at its very ends nothing would ever move
_RATE = 1.5  # of Adam, in the steps that the search names
_SHORT = 0.3  # of FISTA likewise: its inertia multiplies what it does
_MEAN, _SQUARE = 0.9, 0.999  # how Adam's two averages fade


@dataclass(frozen=True)
class Squashed:
    """Adam on w for the squared length of the change, where x_t = tanh(w) scaled to the range of inputs.

    Attributes:
        low: Lowest input.
        high: Highest input.
    """

    low: float
    high: float
    memory: ClassVar[int] = 2

    def rise(self, delta: Tensor) -> Tensor:
        """See `Descent.rise`."""
        return 2 * total(delta.square())

    def moved(self, place: Place) -> tuple[Tensor, Tensor]:
        """See `Descent.moved`.

        No tanh is taken, whose bits would differ from row to row: tanh(w + atanh(q)) = (t + q) / (1 + t * q).
        """
        half = (self.high - self.low) / (2 * _EDGE)
        middle = (self.high + self.low) / 2
        t = (place.x_t - middle) / half
        grad = (2 * (place.x_t - place.x) - place.push) * (1 - t * t) * half
        mean = _MEAN * place.memory[:, 0] + (1 - _MEAN) * grad
        square = _SQUARE * place.memory[:, 1] + (1 - _SQUARE) * grad * grad
        spread = (square / (1 - _SQUARE ** (place.age + 1))).sqrt() + 1e-20
        q = -_RATE / half * place.step * mean / (1 - _MEAN ** (place.age + 1)) / spread
        q = q / (1 + q * q).sqrt()
        t = (t + q) / (1 + t * q)
        return (middle + half * t).clamp(self.low, self.high), torch.stack((mean, square), dim=1)


@dataclass(frozen=True)
class Shrinking:
    """FISTA for the L1 size of the change plus `beta` times its squared length.

    Attributes:
        low: Lowest input.
        high: Highest input.
        beta: Weight of the squared length, 0 or more.
    """

    low: float
    high: float
    beta: float
    memory: ClassVar[int] = 1

    def rise(self, delta: Tensor) -> Tensor:
        """See `Descent.rise`."""
        return total(delta.abs()) + 2 * self.beta * total(delta.square())

    def moved(self, place: Place) -> tuple[Tensor, Tensor]:
        """See `Descent.moved`."""
        step = _SHORT * place.step
        delta = place.x_t - place.x
        delta = delta - step * (2 * self.beta * delta - place.push)
        shrunk = delta.sign() * (delta.abs() - step).clamp(min=0)
        landed = (place.x + shrunk).clamp(self.low, self.high)
        inertia = place.age / (place.age + 3)
        return (landed + inertia * (landed - place.memory[:, 0])).clamp(self.low, self.high), landed.unsqueeze(1)
