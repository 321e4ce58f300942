"""Disc: all that is inside one disc of a share of the picture's area may change, wherever the attacker puts it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError

from .box import in_range

_GOLDEN = (math.sqrt(5) - 1) / 2
_SLACK = 1e-7  # pixels


@dataclass(frozen=True)
class Disc:
    """Pixels whose middles lie in one disc that is wholly inside the picture may change, as far as their range lets.

    The attacker chooses the disc's place for each example. It is no ball: nothing is searched in it, and what was made
    beforehand, a sticker, is brought to it.

    Attributes:
        radius: The disc's area as a share of the picture's, above 0 to 1.
        low: Lowest input.
        high: Highest input.
    """

    radius: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.radius <= 1:
            raise InputError("A sticker covers a share of the picture", self.radius, "Write for example sticker:15%.")

    def __str__(self) -> str:
        return f"sticker:{100 * self.radius:.12g}%"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the area of the smallest such disc that holds all changes, as a share of the picture's, (n,) float64.

        Infinite where the disc would not fit into the picture.
        """
        changed = self._changed(x_adv, x)
        area = changed.shape[1] * changed.shape[2]
        sizes = [math.pi * smallest(one) ** 2 / area for one in changed.cpu().numpy()]
        return torch.tensor(sizes, dtype=torch.float64, device=x.ids.device)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        changed = self._changed(x_adv, x)
        height, width = changed.shape[1:]
        reach = math.sqrt(self.radius * height * width / math.pi)
        inside = [fits(one, reach) for one in changed.cpu().numpy()]
        return torch.tensor(inside, device=x.ids.device) & in_range(x_adv, x, self.low, self.high)

    @staticmethod
    def _changed(x_adv: Batch, x: Batch) -> Tensor:
        if x.values.ndim != 4:
            raise InputError("A sticker is laid into pictures", f"shape {tuple(x.values.shape)}", "Give (n, c, h, w).")
        return (x_adv.values != x.values).any(dim=1)


def fits(changed: np.ndarray, reach: float) -> bool:
    """Tell whether a disc of this radius in pixels, wholly inside the picture (h, w), holds all changes."""
    points = _rim(changed)
    return not len(points) or _centre(points, changed.shape, reach).far <= reach + _SLACK


def smallest(changed: np.ndarray) -> float:
    """Find the radius in pixels of the smallest disc inside the picture (h, w) that holds all changes; 0 for none."""
    points, most = _rim(changed), min(changed.shape) / 2
    if not len(points):
        return 0.0
    free = _centre(points, changed.shape, 0.0)
    if free.room(changed.shape) >= free.far:  # as nearly always: the smallest disc of all lies inside
        return float(free.far)
    if _centre(points, changed.shape, most).far > most + _SLACK:
        return math.inf
    low, high = free.far, most
    while high - low > _SLACK:
        middle = (low + high) / 2
        low, high = (low, middle) if _centre(points, changed.shape, middle).far <= middle else (middle, high)
    return float(high)


class _Centre(NamedTuple):
    """Where a disc's middle stands, and how far the farthest change is from it, in pixels."""

    x: float
    y: float
    far: float

    def room(self, shape: tuple[int, ...]) -> float:
        """Measure how near it is to the picture's edge."""
        return min(self.x, self.y, shape[1] - self.x, shape[0] - self.y)


def _centre(points: np.ndarray, shape: tuple[int, ...], reach: float) -> _Centre:
    """Find the middle that is least far from the farthest of points (r, 2), `reach` pixels from every edge.

    The distance is convex in the middle: golden sections find its y, and for each y halving finds its x. Infinitely far
    where there is no such middle.
    """
    height, width = shape
    if 2 * reach > min(height, width) + _SLACK:
        return _Centre(width / 2, height / 2, math.inf)
    low, high = min(reach, height / 2), max(height - reach, height / 2)
    left, right = min(reach, width / 2), max(width - reach, width / 2)

    def along(y: float) -> _Centre:
        rise, begin, end = (points[:, 1] - y) ** 2, left, right
        while end - begin > _SLACK:
            middle = (begin + end) / 2
            farthest = points[np.argmax(rise + (points[:, 0] - middle) ** 2), 0]
            begin, end = (middle, end) if farthest > middle else (begin, middle)
        return _Centre(end, y, math.sqrt(float((rise + (points[:, 0] - end) ** 2).max())))

    one, other = along(high - _GOLDEN * (high - low)), along(low + _GOLDEN * (high - low))
    while high - low > _SLACK:
        if one.far <= other.far:
            high, other = other.y, one
            one = along(high - _GOLDEN * (high - low))
        else:
            low, one = one.y, other
            other = along(low + _GOLDEN * (high - low))
    return min(one, other, key=lambda centre: centre.far)


def _rim(changed: np.ndarray) -> np.ndarray:
    """Give the middles, (x, y), of the changes that alone can be farthest: the corners of their convex hull."""
    y, x = np.nonzero(changed)
    if not len(y):
        return np.zeros((0, 2))
    rows, start = np.unique(y, return_index=True)
    ends = np.append(start[1:], len(y)) - 1
    left, right = (_chain(np.stack([side * x[at], rows], axis=1)) * [side, 1] for side, at in ((1, start), (-1, ends)))
    return np.concatenate([left, right]) + 0.5


def _chain(points: np.ndarray) -> np.ndarray:
    """Keep the corners of the left side of the hull of points (r, 2), one a row, from the top down."""
    kept: list[np.ndarray] = []
    for point in points:
        while len(kept) > 1 and _turn(kept[-2], kept[-1], point) >= 0:
            kept.pop()
        kept.append(point)
    return np.array(kept, dtype=np.float64)


def _turn(one: np.ndarray, two: np.ndarray, three: np.ndarray) -> float:
    """Tell on which side of the line from first to third the second lies: from 0 on, it is no corner."""
    return float((two[0] - one[0]) * (three[1] - one[1]) - (three[0] - one[0]) * (two[1] - one[1]))
