"""What distance and a lens make of a picture: few pixels and soft edges, as one matrix a side."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

FINE, SEEN = 64, 32
"""Sides in pixels: of the picture that is drawn, and of the one that a classifier is given."""

LEAST = 6
"""Fewest pixels across at which a camera may see a crop; the most are `FINE`."""

_SOFT = 0.25  # step between standard deviations of the blur, in pixels that the camera sees
_SOFTEST = 6  # steps


def through(values: Tensor, pixels: Tensor, blur: Tensor) -> Tensor:
    """See pictures from afar, and enlarge or shrink what was seen to what a classifier is given.

    Args:
        values: Pictures (n, c, FINE, FINE).
        pixels: Across which the camera sees each, (n,), LEAST to FINE; rounded.
        blur: Standard deviations of the lens's blur, along x and y, (n, 2), in pixels that the camera sees, 0 to 1.5.

    Returns:
        (n, c, SEEN, SEEN).
    """
    size = pixels.round().long().clamp(LEAST, FINE) - LEAST
    soft = (blur / _SOFT).round().long().clamp(0, _SOFTEST)
    table = _table().to(values)
    across, down = table[size, soft[:, 0]], table[size, soft[:, 1]]
    return down.unsqueeze(1) @ values @ across.transpose(1, 2).unsqueeze(1)


@cache
def _table() -> Tensor:
    """Give the matrix of each number of pixels and of each blur, (sizes, blurs, SEEN, FINE)."""
    whole = torch.eye(FINE)
    return torch.stack([torch.stack([_lens(whole, size, k) for k in range(_SOFTEST + 1)])
                        for size in range(LEAST, FINE + 1)])  # fmt: skip


def _lens(whole: Tensor, size: int, soft: int) -> Tensor:
    shrunk = _resized(whole, size)
    if soft:
        steps = torch.arange(size)
        apart = (steps.unsqueeze(1) - steps).float()
        weights = torch.exp(-apart.square() / (2 * (_SOFT * soft) ** 2))
        shrunk = weights / weights.sum(dim=1, keepdim=True) @ shrunk
    return _resized(shrunk, SEEN)


def _resized(rows: Tensor, size: int) -> Tensor:
    """Resize the first axis of a matrix as a picture's height is resized."""
    resized: Tensor = interpolate(
        rows[None, None], (size, rows.shape[1]), mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0, 0]
