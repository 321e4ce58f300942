"""Rates and how far they can be trusted."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """A 95 % interval for a rate."""

    low: float
    high: float


def wilson(hits: int, n: int, z: float = 1.959963984540054) -> Interval:
    """Wilson's score interval for hits out of n.

    It covers the sampling of examples alone: a stronger attack can still lower a robust accuracy.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    p, z2 = hits / n, z * z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Interval(float(max(0.0, middle - half)), float(min(1.0, middle + half)))
