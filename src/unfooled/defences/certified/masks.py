"""Masks such that every patch up to a size lies wholly under one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from unfooled.core.errors import InputError


def covering(height: int, width: int, patch: float, count: int) -> Tensor:
    """Lay square windows over a picture, such that every patch lies wholly under one of them.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        patch: Height and width of the largest patch, as a share of the picture's, above 0 to below 1.
        count: Windows along each axis, 1 or more.

    Returns:
        Masks, (count * count or fewer, height, width) bool: true where a window hides the picture.

    Raises:
        InputError: The windows hide all of the picture.

    Reference:
        Xiang, Mahloujifar and Mittal, as `PatchCleanser`, section 3.2 and definition 3.
        Differs from the paper: height and width may differ.
    """
    rows, columns = (_windows(side, patch, count) for side in (height, width))
    masks = [down[:, None] & across[None] for down in rows for across in columns]
    if any(bool(mask.all()) for mask in masks):
        found = f"{count} windows an axis against a patch of {patch:.0%} of {height} x {width} pixels"
        raise InputError("A window hides all of the picture", found, "Use more windows, or a smaller patch.")
    return torch.stack(masks)


def _windows(side: int, patch: float, count: int) -> Sequence[Tensor]:
    """Cover one axis, (side,) bool each: wherever `patch` pixels in a row begin, one window holds them all."""
    hidden = math.ceil(patch * side)
    step = math.ceil((side - hidden + 1) / count)
    length = hidden + step - 1
    place = torch.arange(side)
    starts = dict.fromkeys(min(k * step, side - length) for k in range(count))
    return [(place >= start) & (place < start + length) for start in starts]
