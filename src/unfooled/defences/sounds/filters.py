"""Filters before a model that hears: fewer levels, fewer samples, medians, means, a band of frequencies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.errors import InputError
from unfooled.defences.card import Card

from .each import before_each, handed_on, sound_card

_YANG = "Yang et al., ICLR 2019, who break it themselves"
_HUSSAIN = "Hussain et al., USENIX Security 2021; broken through itself here"
_EISENHOFER = "Eisenhofer et al., USENIX Security 2021, who count on what is left being heard"
_REACH = 64
"""Samples at the lower of two rates that a filter reaches to either side."""


@dataclass(frozen=True)
class Quantised:
    """Round every sample to a few levels; gradients pass it by.

    Attributes:
        bits: Levels are 2 ** bits; 2 to 15.

    Reference:
        Yang, Li, Chen and Song. Characterizing audio adversarial examples using temporal dependency. ICLR 2019.
        https://arxiv.org/abs/1809.10875, its quantization.
        Differs from the paper: it counts 16-bit steps, 256 for what are 8 bits here.
    """

    bits: int = 8
    card: ClassVar[Card] = sound_card(_YANG, differentiable=False)

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 15:
            raise InputError("Samples are rounded to 2 to 15 bits", self.bits, "Give for example 8.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before_each(partial(_levelled, levels=2 ** (self.bits - 1)), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: gradients pass it by as it is."""
        return defended


@dataclass(frozen=True)
class DownUp:
    """Keep every few samples, behind a filter, and fill up between them again.

    Attributes:
        factor: Of so many samples one is kept; 2 or more.

    Reference:
        Hussain, Neekhara, Dubnov, McAuley and Koushanfar. WaveGuard: understanding and mitigating audio adversarial
        examples. USENIX Security 2021. https://arxiv.org/abs/2103.03344, downsampling and upsampling.
        Differs from the paper: the model hears what comes out, where the paper compares two transcripts.
    """

    factor: int = 2
    card: ClassVar[Card] = sound_card(_HUSSAIN)

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise InputError("Of how many samples is one kept?", self.factor, "Give 2 or more.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before_each(partial(_resampled, factor=self.factor), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: it is linear."""
        return defended


@dataclass(frozen=True)
class RunningMedian:
    """Replace every sample by the median of its neighbourhood.

    Attributes:
        width: Of the neighbourhood in samples, odd, 3 or more.

    Reference:
        Yang, Li, Chen and Song, as `Quantised`, their local smoothing by medians.
        Differs from the paper: edges are repeated.
    """

    width: int = 3
    card: ClassVar[Card] = sound_card(_YANG)

    def __post_init__(self) -> None:
        _check_width(self.width)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before_each(partial(_median, width=self.width), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: a median has a gradient of its own."""
        return defended


@dataclass(frozen=True)
class RunningMean:
    """Replace every sample by the mean of its neighbourhood.

    Attributes:
        width: Of the neighbourhood in samples, odd, 3 or more.

    Reference:
        Yang, Li, Chen and Song, as `Quantised`, their local smoothing by averages.
        Differs from the paper: silence lies around the recording.
    """

    width: int = 5
    card: ClassVar[Card] = sound_card(_YANG)

    def __post_init__(self) -> None:
        _check_width(self.width)

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        return before_each(partial(_filtered, taps=torch.full((self.width,), 1 / self.width)), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: a mean is linear."""
        return defended


@dataclass(frozen=True)
class BandPass:
    """Keep a band of frequencies.

    Attributes:
        low: Its lower end in Hz.
        high: Its upper end in Hz.
        rate: Samples a second of the recordings.

    Reference:
        Eisenhofer, Schoenherr, Frank, Speckemeier, Kolossa and Holz. Dompteur: taming audio adversarial examples.
        USENIX Security 2021. https://arxiv.org/abs/2102.05431, its band-pass filter.
        Differs from the paper: the band alone, without the masking threshold, and before a model that was not trained
        behind it.
    """

    low: float = 200.0
    high: float = 5000.0
    rate: int = 16_000
    card: ClassVar[Card] = sound_card(_EISENHOFER)

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < self.rate / 2:
            found = f"{self.low:g} to {self.high:g} Hz at {self.rate} samples a second"
            raise InputError("A band lies between 0 and half the rate", found, "Give for example low=200,high=5000.")

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`."""
        reach = 2 * round(self.rate / self.low)
        taps = _low_pass(self.high / self.rate, reach) - _low_pass(self.low / self.rate, reach)
        return before_each(partial(_filtered, taps=taps), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: a filter is linear."""
        return defended


def _check_width(width: int) -> None:
    if width < 3 or width % 2 == 0:
        raise InputError("A neighbourhood has an odd width of 3 samples or more", width, "Give for example 3.")


def _levelled(values: Tensor, levels: int) -> Tensor:
    return handed_on(values, (values.detach() * levels).round() / levels)


def _median(values: Tensor, width: int) -> Tensor:
    wide = functional.pad(values[None], (width // 2, width // 2), mode="replicate")[0]
    return wide.unfold(0, width, 1).median(dim=1).values


def _filtered(values: Tensor, taps: Tensor) -> Tensor:
    """Filter (t,) by an odd number of taps; silence lies around it."""
    size, reach = len(values) + len(taps) - 1, len(taps) // 2
    spectrum = torch.fft.rfft(values, size) * torch.fft.rfft(taps.to(values), size)
    filtered: Tensor = torch.fft.irfft(spectrum, size)[reach : reach + len(values)]
    return filtered


def _resampled(values: Tensor, factor: int) -> Tensor:
    taps = _low_pass(0.5 / factor, _REACH * factor)
    kept = torch.arange(len(values), device=values.device) % factor == 0
    return _filtered(torch.where(kept, factor * _filtered(values, taps), 0.0), taps)


def _low_pass(cutoff: float, reach: int) -> Tensor:
    """Give the taps (2 * reach + 1,) of a low-pass filter, a sinc under Hann's window, that sum to 1.

    Args:
        cutoff: Cycles a sample, up to 0.5.
        reach: Samples to either side.
    """
    place = torch.arange(-reach, reach + 1, dtype=torch.float64)
    window = 0.5 + 0.5 * torch.cos(math.pi * place / (reach + 1))
    taps = torch.sinc(2 * cutoff * place) * window
    return taps / taps.sum()
