"""Pixels: one position with all its colours in a picture (c, h, w), one sample in a waveform (t,)."""

from __future__ import annotations

from torch import Tensor


def by_pixel(values: Tensor) -> Tensor:
    """Shape values (n, c, h, w), (n, c, t) or (n, t) so that a pixel is one place on the last axis, (n, c, d)."""
    return values.unsqueeze(1) if values.ndim == 2 else values.flatten(2)


def summed(values: Tensor) -> Tensor:
    """Add up the colours of each pixel of values (n, ...), one after the other for any number of rows, (n, d)."""
    return by_pixel(values).cumsum(dim=1)[:, -1]


def differing(one: Tensor, other: Tensor) -> Tensor:
    """Mark the pixels in which two tensors (n, ...) differ, (n, d) bool."""
    return by_pixel(one != other).any(dim=1)


def spread(each: Tensor, like: Tensor) -> Tensor:
    """Shape one value a pixel, (n, d), so that it broadcasts over `like` (n, ...)."""
    return each if like.ndim == 2 else each.view(len(like), 1, *like.shape[2:])
