"""What an ear cannot hear beside a recording: the masking threshold of psychoacoustics."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

FRAME, HOP = 2048, 512
"""Samples of a frame, and between two."""

LOUDEST = 96.0
"""Level in dB that a recording's loudest frequency counts as."""

_FLOOR = 1e-30
"""Least power, so that silence has a level."""
_NEAR = 0.5
"""Bark around a masker in which a louder one drowns it."""


def bark(hertz: Tensor) -> Tensor:
    """Give the critical band rate of frequencies, in Bark: about 25 of them are what an ear hears."""
    return 13 * torch.atan(0.00076 * hertz) + 3.5 * torch.atan((hertz / 7500).square())


def quiet(hertz: Tensor) -> Tensor:
    """Give the threshold in quiet at frequencies, in dB; infinite outside 20 Hz to 20 kHz, which no ear hears."""
    thousands = hertz.clamp(min=1) / 1000
    level = 3.64 * thousands**-0.8 - 6.5 * torch.exp(-0.6 * (thousands - 3.3).square()) + 1e-3 * thousands**4
    return torch.where((hertz >= 20) & (hertz <= 20_000), level, torch.inf)


def spectrum(x: Tensor) -> Tensor:
    """Give the windowed spectrum of every frame of waveforms (..., t): (..., f, 1025) complex.

    Frames reach beyond both ends, into silence, so that every sample lies in as many.
    """
    window = math.sqrt(8 / 3) / FRAME * torch.hann_window(FRAME, dtype=x.dtype, device=x.device)
    behind = FRAME - HOP + (-x.shape[-1]) % HOP
    frames = functional.pad(x, (FRAME - HOP, behind)).unfold(-1, FRAME, HOP)
    seen: Tensor = torch.fft.rfft(frames * window)
    return seen


def waveform(seen: Tensor, samples: int) -> Tensor:
    """Give the waveform (..., t) whose `spectrum` comes nearest: for an unchanged one, the waveform that it is of."""
    window = math.sqrt(8 / 3) / FRAME * torch.hann_window(FRAME, dtype=seen.real.dtype, device=seen.device)
    pieces = (torch.fft.irfft(seen, n=FRAME) * window).reshape(*seen.shape[:-1], FRAME // HOP, HOP)
    weights = window.square().view(FRAME // HOP, HOP).sum(dim=0)
    frames, parts = pieces.shape[-3:-1]
    whole = pieces.new_zeros((*pieces.shape[:-3], frames + parts - 1, HOP))
    for part in range(parts):
        whole[..., part : part + frames, :] += pieces[..., part, :]
    x: Tensor = (whole / weights).flatten(-2)[..., FRAME - HOP : FRAME - HOP + samples]
    return x


def power(x: Tensor) -> Tensor:
    """Give the power of every frame and frequency of waveforms (..., t): (..., f, 1025)."""
    seen = spectrum(x)
    return seen.real.square() + seen.imag.square()


def masking_threshold(x: Tensor, rate: int) -> Tensor:
    """Give the power below which nothing is heard beside a recording, at every frame and frequency.

    Maskers are local maxima above the threshold in quiet, the loudest within half a Bark. Each raises the threshold
    around it, 27 dB a Bark towards low frequencies, less steeply towards high ones the louder it is; they add up.

    Args:
        x: The recording, (t,).
        rate: Samples a second.

    Returns:
        (f, 1025) float64, to be held against `power` of a change.

    Reference:
        Qin, Carlini, Goodfellow, Cottrell and Raffel. Imperceptible, robust, and targeted adversarial examples for
        automatic speech recognition. ICML 2019. https://arxiv.org/abs/1903.10346, section 4 and appendix.
        Lin and Abdulla. Audio watermark. Springer 2015, chapter 3.
        Differs from the paper: of maskers within half a Bark all but the loudest go, at once and not in pairs; a
        recording's loudest frequency, over all frames, counts as 96 dB.
    """
    levels = 10 * power(x.double()).clamp(min=_FLOOR).log10()
    offset = LOUDEST - float(levels.max())
    hertz = torch.linspace(0, rate / 2, FRAME // 2 + 1, dtype=torch.float64, device=x.device)
    rates, least = bark(hertz), quiet(hertz)
    masked = torch.stack([_frame(one + offset, rates, least) for one in levels])
    return 10 ** ((masked - offset) / 10)


def share_above(change: Tensor, threshold: Tensor) -> float:
    """Tell what share of a change's energy (t,) lies above a threshold (f, 1025): 0 where all is masked, below 1."""
    seen = power(change.double())
    whole = float(seen.sum())
    return float((seen - threshold).clamp(min=0).sum()) / whole if whole > 0 else 0.0


def _frame(levels: Tensor, rates: Tensor, least: Tensor) -> Tensor:
    """Give the threshold in dB of one frame from its levels, (1025,) both."""
    maskers, loud = _maskers(levels, rates, least)
    far = rates - rates[maskers].unsqueeze(1)
    above = -27 + 0.37 * (loud - 40).clamp(min=0)
    spread = torch.where(far <= 0, 27 * far, above.unsqueeze(1) * far)
    raised = (loud - 6.025 - 0.275 * rates[maskers]).unsqueeze(1) + spread
    return 10 * (10 ** (least / 10) + (10 ** (raised / 10)).sum(dim=0)).log10()


def _maskers(levels: Tensor, rates: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """Find the maskers of one frame: their places, (m,), and their levels with both neighbours' power, (m,)."""
    inner = levels[1:-1]
    peaks = (inner >= levels[:-2]) & (inner >= levels[2:]) & (inner > least[1:-1])
    places = peaks.nonzero().flatten() + 1
    loud = 10 * (10 ** (levels / 10)).unfold(0, 3, 1).sum(dim=1)[places - 1].log10()
    near = (rates[places] - rates[places].unsqueeze(1)).abs() < _NEAR
    loudest = torch.where(near, loud, -torch.inf).amax(dim=1) if len(places) else loud
    return places[loud >= loudest], loud[loud >= loudest]
