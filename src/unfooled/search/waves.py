"""Noise of low frequencies: what tells of a picture's boundary is seldom finer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws


def noise_of(draws: Draws, x: Batch, number: int, share: float | None, *, tag: str, draw: int) -> Tensor:
    """Draw normal noise for each example, (n, number, ...), made of the lowest frequencies of its places.

    Args:
        draws: Randomness of the examples.
        x: The examples, (n, ...): pictures (c, h, w) or waveforms (t,).
        number: How many draws each.
        share: Share of the frequencies (cosines) of each axis, the lowest, above 0 to 1; None for plain noise.
        tag: What the draws are for.
        draw: Number of the first draw.
    """
    shape = (number, *x.values.shape[1:])
    if share is None:
        return draws.normal(shape, x.ids, tag, draw)
    axes = min(2, len(shape) - 1)
    few = [math.ceil(share * size) for size in shape[-axes:]]
    noise = draws.normal((*shape[:-axes], *few), x.ids, tag, draw)
    for axis in range(-axes, 0):
        noise = _stretched(noise, axis, shape[axis])
    return noise


def _stretched(parts: Tensor, axis: int, size: int) -> Tensor:
    """Add up the waves of an axis of so many places; one after the other, for any number of rows alike."""
    place = torch.arange(size, device=parts.device).double() + 0.5
    made = torch.zeros((), device=parts.device)
    for k in range(parts.shape[axis]):
        wave = torch.cos(math.pi / size * k * place) * (1.0 if k else 0.5**0.5)
        made = made + parts.narrow(axis, k, 1) * wave.float().view(-1, *[1] * (-1 - axis))
    return made
