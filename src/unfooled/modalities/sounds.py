"""How much a recording was changed, and how it looks: figures and pictures of sound."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

_FRAME = 512
_SEGMENT, _LEAST, _MOST = 0.02, -10.0, 35.0
_DEPTH = 80.0  # decibels from the brightest to the darkest of a spectrogram
_STOPS = np.array(  # colours of a spectrogram from silence up, which differ in grey print too
    [[13, 8, 40], [84, 19, 110], [187, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float64
)


class Change(NamedTuple):
    """How a recording was changed.

    Attributes:
        snr: Signal-to-noise ratio in decibels: power of the recording by that of the change.
        segmental_snr: Mean over segments of 20 ms of the same, each kept between -10 and 35 decibels.
        peak_db: Peak of the change in decibels relative to the recording's, as Carlini and Wagner count.
        pearson: Correlation of the two recordings, 1 for the same.
        energy: Share of the recording's energy that is left when the change's is taken off: 1 - 10^(-snr / 10).
    """

    snr: float
    segmental_snr: float
    peak_db: float
    pearson: float
    energy: float


def change_of(x: np.ndarray, x_adv: np.ndarray, rate: int) -> Change:
    """Measure a change from x (t,) to x_adv (t,); where nothing changed, ratios are infinite."""
    clean, other = x.astype(np.float64), x_adv.astype(np.float64)
    delta = other - clean
    snr = _decibels(np.square(clean).sum(), np.square(delta).sum())
    peak = -_decibels(np.square(clean).max(), np.square(delta).max())
    pearson = float(np.corrcoef(clean, other)[0, 1]) if clean.std() and other.std() else 1.0
    return Change(snr, _segmental(clean, delta, rate), peak, pearson, 1 - 10 ** (-snr / 10))


def _segmental(clean: np.ndarray, delta: np.ndarray, rate: int) -> float:
    size = max(1, int(_SEGMENT * rate))
    count = max(1, len(clean) // size)
    signal, noise = (
        np.square(one[: count * size]).reshape(count, -1).sum(axis=1)
        if len(one) >= size
        else np.square(one).sum()[None]
        for one in (clean, delta)
    )
    real = signal > 0
    each = [_decibels(one, other) for one, other in zip(signal[real], noise[real], strict=True)]
    return float(np.mean(np.clip(each, _LEAST, _MOST))) if each else float("inf")


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal > 0 else float("-inf")


def magnified_sound(x: np.ndarray, x_adv: np.ndarray) -> tuple[np.ndarray, float]:
    """Give the change, made as loud as the recording, (t,), and how many times it was magnified."""
    delta = x_adv.astype(np.float64) - x
    peak = np.abs(delta).max()
    factor = float(np.abs(x).max() / peak) if peak else 1.0
    return np.clip(delta * factor, -1, 1), factor


def waveform_picture(values: np.ndarray, width: int = 480, height: int = 64) -> np.ndarray:
    """Draw a waveform (t,) in [-1, 1], (3, height, width) uint8: from lowest to highest sample of each column."""
    edges = np.linspace(0, len(values), width + 1).astype(int)
    picture = np.full((3, height, width), 255, np.uint8)
    picture[:, height // 2, :] = 221
    for column, (start, end) in enumerate(pairwise(edges.tolist())):
        part = values[start : max(end, start + 1)]
        low, high = (
            ((1 - np.array([part.max(), part.min()])) / 2 * (height - 1)).round().astype(int).clip(0, height - 1)
        )
        picture[:, low : high + 1, column] = np.array([29, 92, 140])[:, None]
    return picture


def spectrogram(values: np.ndarray, width: int = 480, height: int = 128) -> np.ndarray:
    """Draw the power of a waveform (t,) over time and frequency, (3, height, width) uint8, low frequencies below.

    Colours span 80 decibels below full scale, so that pictures of several recordings can be compared.
    """
    starts = np.linspace(0, max(0, len(values) - _FRAME), width).astype(int)
    padded = np.pad(values.astype(np.float64), (0, max(0, _FRAME - len(values))))
    frames = np.stack([padded[start : start + _FRAME] for start in starts]) * np.hanning(_FRAME)
    power = np.square(np.abs(np.fft.rfft(frames)))[:, 1:].reshape(width, height, -1).mean(axis=2)
    loud = 1 + 10 * np.log10(power / np.square(_FRAME / 4) + 1e-12) / _DEPTH
    place = loud.clip(0, 1).T[::-1] * (len(_STOPS) - 1)
    below = np.minimum(place.astype(int), len(_STOPS) - 2)
    share = (place - below)[..., None]
    colours = _STOPS[below] * (1 - share) + _STOPS[below + 1] * share
    return np.ascontiguousarray(colours.round().astype(np.uint8).transpose(2, 0, 1))
