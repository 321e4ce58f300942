"""The few values of each row that count most: what sparse sets and searches move or keep."""

from __future__ import annotations

import torch
from torch import Tensor


def largest(values: Tensor, count: Tensor) -> Tensor:
    """Mark the `count` (n,) largest values of each row (n, d), (n, d) bool; of equal ones the first."""
    width = values.shape[1]
    count = count.clamp(min=0, max=width).long()
    if not len(values) or bool((count == width).all()):
        return torch.ones_like(values, dtype=torch.bool)
    # not by topk's indices: which of two equal values it takes hangs on how many it is asked for
    sorted_ones = values.topk(max(1, int(count.max())), dim=1).values
    least = sorted_ones.gather(1, (count - 1).clamp(min=0).unsqueeze(1))
    above, level = values > least, values == least
    left = (count - above.sum(dim=1)).unsqueeze(1)
    return above | (level & (level.cumsum(dim=1) <= left))
