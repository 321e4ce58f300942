"""Below what an ear can hear: `inaudible:0`, a change that its own recording masks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import inner, wide
from unfooled.core.seeds import Draws

from .box import change, in_range, silence_padding
from .masking import masking_threshold, spectrum, waveform

ABOVE = 0.01
"""Share of a change's energy that may lie above the threshold."""

_SLACK = 1e-3
"""Share of its radius by which a change may exceed it: what samples in float32 cannot tell apart."""
_ROUNDS = 2


@dataclass(frozen=True)
class Inaudible:
    """All but a hundredth of the change's energy lies below the recording's masking threshold, or near it.

    The threshold is raised by so many decibels: with 0 an ear hears next to nothing of the change. Its distance is the
    amplitude by which the threshold must be raised for that: 1 at 0 decibels, and twice as much for a change of twice
    the size. So each recording has a ball of its own, whose nearest point is found approximately.

    Attributes:
        decibels: How far the threshold is raised; negative for lowered, infinite for no limit.
        rate: Samples a second.
        low: Lowest input.
        high: Highest input.

    Reference:
        Qin, Carlini, Goodfellow, Cottrell and Raffel. Imperceptible, robust, and targeted adversarial examples for
        automatic speech recognition. ICML 2019. https://arxiv.org/abs/1903.10346, section 4.1.
        Schönherr, Kohls, Zeiler, Holz and Kolossa. Adversarial attacks against automatic speech recognition systems via
        psychoacoustic hiding. NDSS 2019. https://arxiv.org/abs/1808.05665, for a threshold that is raised.
        Differs from the papers: a limit, of which a hundredth of the energy is excepted, and not a loss.
    """

    decibels: float
    rate: int
    low: float = -1.0
    high: float = 1.0
    exponent: ClassVar[float] = math.inf

    def __post_init__(self) -> None:
        if math.isnan(self.decibels) or self.rate < 1:
            found = f"{self.decibels} decibels at {self.rate} samples a second"
            raise InputError("A threshold is raised by a number of decibels", found, "Write inaudible:0.")

    def __str__(self) -> str:
        if math.isinf(self.radius):
            return "inaudible"
        whole = abs(self.decibels) < math.inf and self.decibels == int(self.decibels)
        return f"inaudible:{int(self.decibels) if whole else repr(self.decibels)}"

    @property
    def radius(self) -> float:
        """Amplitude by which the threshold is raised."""
        return float(10 ** (self.decibels / 20)) if self.decibels < math.inf else math.inf

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.distance`."""
        each = [_far(delta, most) for delta, most in self._each(change(x_adv, x), x)]
        return torch.tensor(each, dtype=torch.float64, device=x.values.device)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return in_range(x_adv, x, self.low, self.high) & (self.distance(x_adv, x) <= self.radius * (1 + _SLACK))

    def start(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw noise that is shaped as the threshold, of a size drawn from 0 to the radius, and project it."""
        share = draws.uniform((1,), x.ids, "share", draw).flatten()
        return self._around(x, draws.normal(tuple(x.values.shape[1:]), x.ids, "start", draw), share)

    def corner(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Draw noise that is shaped as the threshold, as loud as may be."""
        noise = draws.normal(tuple(x.values.shape[1:]), x.ids, "corner", draw)
        return self._around(x, noise, torch.ones_like(noise[:, 0]))

    def steepest(self, grad: Tensor, x_adv: Batch, x: Batch, sparsity: Tensor | None = None) -> Tensor:
        """Weight the gradient's frequencies, frame by frame, by the amplitude that the recording masks there.

        That is half way from the slope itself to the steepest direction by the mean excess over the threshold, which
        leaves quiet frames aside: it leads further than either, as measured.
        """
        return self._shaped(grad, x)

    def project(self, x_adv: Batch, x: Batch, radius: Tensor | None = None) -> Batch:
        """Cut what exceeds the threshold off, then shorten what is left: inside, and near to the nearest point."""
        limits = torch.full_like(x.ids, 1, dtype=torch.float64) * self.radius if radius is None else radius.double()
        moved = x.holding(x_adv.values.clamp(self.low, self.high))
        values = x.values.clone()
        rows = self._each(change(moved, x), x)
        for row, ((delta, most), limit) in enumerate(zip(rows, limits.tolist(), strict=True)):
            t = len(delta)
            if _far(delta, most) <= limit:
                values[row, :t] = moved.values[row, :t]
            else:
                clean = x.values[row, :t].double()
                values[row, :t] = (clean + self._cut(delta, most, limit, clean)).to(values.dtype)
        return x.holding(values)

    def _cut(self, delta: Tensor, most: Tensor, limit: float, clean: Tensor) -> Tensor:
        """Cut off what exceeds the threshold raised by `limit`, and shorten the rest until it is inside."""
        for _ in range(_ROUNDS):
            seen = spectrum(delta)
            kept = (limit * most.sqrt() / seen.abs().clamp(min=1e-300)).clamp(max=1)
            delta = (clean + waveform(kept * seen, len(delta))).clamp(self.low, self.high) - clean
        return min(1.0, limit * (1 - _SLACK / 2) / max(_far(delta, most), 1e-300)) * delta

    def cross(self, x: Batch, normal: Tensor, gap: Tensor) -> Batch:
        """Move along the steepest direction until the gap is crossed, or the range ends."""
        way = self.steepest(normal, x, x)
        gain = inner(normal, way)
        far = torch.where((gap > 0) & (gain > 0), gap.double() / gain.clamp(min=1e-300), 0.0)
        moved = x.values.double() + wide(far, way) * way
        return x.holding(moved.clamp(self.low, self.high).to(x.values.dtype))

    def resized(self, radius: float) -> Self:
        """See `Ball.resized`."""
        raised = 20 * math.log10(radius) if 0 < radius < math.inf else math.inf if radius else -math.inf
        return replace(self, decibels=raised)

    def _each(self, rows: Tensor, x: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """Give of each row (n, t) what is no padding, and the threshold of its recording (f, 1025)."""
        sizes = [x.values.shape[-1]] * len(x) if x.lengths is None else x.lengths.tolist()
        for row, clean, size in zip(rows, x.values, sizes, strict=True):
            samples = clean[:size].detach().double().cpu().numpy().tobytes()
            yield row[:size].double(), _threshold(samples, self.rate).to(row.device)

    def _shaped(self, noise: Tensor, x: Batch) -> Tensor:
        """Weight the spectrum of noise or gradients by the threshold's amplitude, and scale it to a distance of 1."""
        shaped = torch.zeros_like(noise)
        for row, (one, most) in enumerate(self._each(silence_padding(noise, x), x)):
            seen = torch.where(most.isfinite(), most, 0.0) ** 0.5 * spectrum(one)
            way = waveform(seen, len(one))
            shaped[row, : len(one)] = (way / max(_far(way, most), 1e-300)).to(shaped.dtype)
        return shaped

    def _around(self, x: Batch, noise: Tensor, share: Tensor) -> Batch:
        far = wide(share * self.radius * (1 - _SLACK / 2), noise).to(noise.dtype)
        return self.project(x.holding(x.values + (far * self._shaped(noise, x)).nan_to_num()), x)


@lru_cache(maxsize=16)
def _threshold(samples: bytes, rate: int) -> Tensor:
    """Give the threshold of a recording, which a search asks for at every step."""
    return masking_threshold(torch.from_numpy(np.frombuffer(samples, np.float64).copy()), rate)


def _far(delta: Tensor, most: Tensor) -> float:
    """Tell by which amplitude a threshold must be raised for a hundredth of the energy of a change to lie above it.

    The energy above falls with the threshold, in straight pieces that bend one way: Newton's steps end at the root.
    """
    seen = spectrum(delta)
    loud, most = (seen.real.square() + seen.imag.square()).flatten(), most.flatten()
    spare, raised = ABOVE * float(loud.sum()), 0.0
    while len(loud):
        over = loud > raised * most  # false where nothing is heard at all, since there most is infinite
        loud, most = loud[over], most[over]
        further = (float(loud.sum()) - spare) / max(float(most.sum()), 1e-300)
        if further <= raised:
            break
        raised = further
    return math.sqrt(raised)
