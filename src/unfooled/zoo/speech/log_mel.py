"""Whisper's front end: the logarithm of mel power, differentiable."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  its usual name

SAMPLE_RATE, FFT, HOP = 16_000, 400, 160
_FLOOR, _RANGE = 1e-10, 8.0
_LINEAR, _BREAK, _STEP = 200 / 3, 1000.0, math.log(6.4) / 27
"""Of the mel scale: hertz a mel below the break, the break in hertz, and the logarithm of a mel's ratio above it."""


class LogMel(nn.Module):
    """Turn waveforms (b, t) into features (b, mels, t // 160): log10 of mel power, 8 decades below the clip's loudest.

    Reference:
        Radford, Kim, Xu, Brockman, McLeavey and Sutskever. Robust speech recognition via large-scale weak supervision.
        ICML 2023. https://arxiv.org/abs/2212.04356, section 2.2.
        Differs from the paper: nothing.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, mels: int = 80) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(mels)).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the features of waveforms."""
        centred = F.pad(x[:, None], (FFT // 2, FFT // 2), mode="reflect")[:, 0]
        # The last of the frames belongs to what follows the clip, and is left out.
        spectra = torch.fft.rfft(centred.unfold(1, FFT, HOP)[:, :-1] * self.window)
        power = spectra.real.square() + spectra.imag.square()
        log = (power @ self.filters).clamp(min=_FLOOR).log10()
        loudest = log.amax(dim=(1, 2), keepdim=True)
        return ((torch.maximum(log, loudest - _RANGE) + 4) / 4).mT


def mel_filters(mels: int, *, fft: int = FFT, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Give triangular filters (fft // 2 + 1, mels) of equal area, on Slaney's mel scale from 0 to half the rate.

    The scale is linear below 1 kHz, logarithmic above.

    Reference:
        Slaney. Auditory toolbox, version 2. Technical report 1998-010, Interval Research Corporation, 1998.
    """
    edges = _hertz(np.linspace(0, _mel(rate / 2), mels + 2))
    bins = np.linspace(0, rate / 2, fft // 2 + 1)
    widths = np.diff(edges)
    rising = (bins[:, None] - edges[:-2]) / widths[:-1]
    falling = (edges[2:] - bins[:, None]) / widths[1:]
    filters: np.ndarray = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return filters


def _mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < _BREAK else _BREAK / _LINEAR + math.log(hertz / _BREAK) / _STEP


def _hertz(mel: np.ndarray) -> np.ndarray:
    above = mel - _BREAK / _LINEAR
    return np.where(above < 0, mel * _LINEAR, _BREAK * np.exp(np.maximum(above, 0) * _STEP))
