"""Arithmetic of boxes: left, upper, right and lower edge in pixels, (k, 4)."""

from __future__ import annotations

import torch
from torch import Tensor


def squared(boxes: Tensor) -> Tensor:
    """Widen the shorter side about the middle."""
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    half = size.amax(dim=1, keepdim=True) / 2
    return torch.cat([middle - half, middle + half], dim=1)


def moved(boxes: Tensor, shifts: Tensor, rim: float = 0.0) -> Tensor:
    """Move each edge by a share (k, 4) of the box's width or height, to which `rim` pixels are added."""
    size = boxes[:, 2:] - boxes[:, :2] + rim
    return boxes + shifts * size.repeat(1, 2)


def overlaps(one: Tensor, other: Tensor, rim: float = 0.0, *, of_smaller: bool = False) -> Tensor:
    """Give for each pair the area that both share over that of either, (k, l).

    Args:
        one: Boxes (k, 4).
        other: Boxes (l, 4).
        rim: Pixels added to every width and height.
        of_smaller: Whether over the area of the smaller one instead.
    """
    a, b = one.unsqueeze(1), other.unsqueeze(0)
    size = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2]) + rim
    shared = size.clamp(min=0).prod(dim=2)
    areas = [(boxes[..., 2:] - boxes[..., :2] + rim).prod(dim=2) for boxes in (a, b)]
    whole = torch.minimum(*areas) if of_smaller else areas[0] + areas[1] - shared
    return shared / whole.clamp(min=1e-9)


def apart(boxes: Tensor, rank: Tensor, most: float, rim: float = 0.0, *, of_smaller: bool = False) -> Tensor:
    """Choose boxes, the highest rank (k,) first, of which no two overlap by more than `most`: rows, in that order."""
    order = rank.argsort(descending=True, stable=True)
    near = (overlaps(boxes[order], boxes[order], rim, of_smaller=of_smaller) > most).cpu().numpy()
    kept: list[int] = []
    for k, close in enumerate(near):
        if not close[kept].any():
            kept.append(k)
    return order[kept]
