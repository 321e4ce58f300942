"""Budgets of loudness: how loud a change may be beside its recording, `snr:30` in power and `db:-31` at the peak."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import length, wide
from unfooled.core.seeds import Draws

from .box import in_range, silence_padding
from .l2 import L2
from .linf import Linf

_SLACK = 1e-6
"""Share of its radius by which a change may exceed it: what float32 cannot tell apart."""


@dataclass(frozen=True)
class Loudness:
    """A change may be so loud beside its own recording, and no louder.

    With `snr:30` the recording is louder than the change by at least 30 decibels in power: the distance is the
    Euclidean length of the change by that of the recording. With `db:-31` the largest change of a sample stays 31
    decibels below the largest sample, as Carlini and Wagner count: the distance is the one by the other. So each
    recording has an L2 or an Linf ball of its own, and the radius is a share of the recording.

    Attributes:
        kind: `snr` or `db`.
        decibels: Least signal-to-noise ratio, or most decibels of the peak; infinite for no limit.
        low: Lowest input.
        high: Highest input.

    Reference:
        Carlini and Wagner. Audio adversarial examples: targeted attacks on speech-to-text. IEEE SPW 2018.
        https://arxiv.org/abs/1801.01944, section III.A, for `db`.
        Differs from the paper: nothing.
    """

    kind: Literal["snr", "db"]
    decibels: float
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if math.isnan(self.decibels):
            raise InputError("A budget of loudness is a number of decibels", self.decibels, "Write snr:30 or db:-31.")

    def __str__(self) -> str:
        if math.isinf(self.radius):
            return self.kind
        whole = abs(self.decibels) < math.inf and self.decibels == int(self.decibels)
        return f"{self.kind}:{int(self.decibels) if whole else repr(self.decibels)}"

    @property
    def radius(self) -> float:
        """Largest change, as a share of the recording: its length by the length, or its peak by the peak."""
        below = self.decibels if self.kind == "snr" else -self.decibels
        return 10 ** (-below / 20) if below > -math.inf else math.inf

    @property
    def exponent(self) -> float:
        """See `Ball.exponent`."""
        return self._ball.exponent

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`: beside silence no change is 0, and any change infinite."""
        change = self._ball.distance(x_adv, x)
        return torch.where(change > 0, change / self._size(x), 0.0)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return (self.distance(x_adv, x) <= self.radius * (1 + _SLACK)) & in_range(x_adv, x, self.low, self.high)

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from each recording's ball, then project on the range of inputs."""
        return self._around(x, self._ball.start(_silence(x), draws, draw))

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw uniformly from each recording's sphere or corners, then project on the range of inputs."""
        return self._around(x, self._ball.corner(_silence(x), draws, draw))

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Give the ball's steepest direction, as large as the recording."""
        return self._ball.steepest(grad, x_adv, x) * wide(self._size(x), grad).to(grad.dtype)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Find the nearest point of each recording's ball and the range together."""
        size = self._size(x)
        share = torch.full_like(size, self.radius) if radius is None else radius.double()
        return self._ball.project(x_adv, x, (share * size).nan_to_num(nan=torch.inf, posinf=torch.inf))

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """See `Ball.cross`: the nearest point of one recording is the same in its ball."""
        return self._ball.cross(x, normal, gap)

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        above = 20 * math.log10(radius) if 0 < radius < math.inf else math.inf if radius else -math.inf
        return replace(self, decibels=-above if self.kind == "snr" else above)

    @property
    def _ball(self) -> L2 | Linf:
        return L2(1.0, self.low, self.high) if self.kind == "snr" else Linf(1.0, self.low, self.high)

    def _size(self, x: Batch) -> Tensor:
        """Measure each recording, (n,) float64: its length or its largest sample."""
        real = silence_padding(x.values, x).double()
        return length(real) if self.kind == "snr" else real.flatten(1).abs().amax(dim=1)

    def _around(self, x: Batch, unit: Batch) -> Batch:
        """Scale points of the ball around silence to each recording's own."""
        far = wide(self.radius * self._size(x), unit.values).to(unit.values.dtype)
        return self.project(x.holding(x.values + far * unit.values), x)


def snr(decibels: float, low: float = -1.0, high: float = 1.0) -> Loudness:
    """Let the recording be louder than the change by at least so many decibels in power."""
    return Loudness("snr", decibels, low, high)


def db(decibels: float, low: float = -1.0, high: float = 1.0) -> Loudness:
    """Let the peak of the change lie at so many decibels of the recording's peak or below: -31 in most work."""
    return Loudness("db", decibels, low, high)


def _silence(x: Batch) -> Batch:
    """Give silence in the shape of recordings, around which a unit ball meets no end of the range."""
    return x.holding(torch.zeros_like(x.values))
