"""Arithmetic of one row an example whose answer does not hang on how many rows are asked about together.

Tensor.sum() may add up a single long row in another order than many rows; lengths are taken alike for all.
"""

from __future__ import annotations

import torch
from torch import Tensor


def wide(one: Tensor, like: Tensor) -> Tensor:
    """Shape one number a row, (n,), so that it broadcasts over `like` (n, ...)."""
    return one.view(-1, *[1] * (like.ndim - 1))


def length(values: Tensor) -> Tensor:
    """Measure the Euclidean length of each row of values (n, ...), (n,) float64."""
    measured: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1, dtype=torch.float64)
    return measured


def total(values: Tensor) -> Tensor:
    """Add up each row of values (n, ...), (n,) float64; one after another, which is the same order for any number."""
    return values.flatten(1).double().cumsum(dim=1)[:, -1]


def inner(one: Tensor, other: Tensor) -> Tensor:
    """Give the inner product of the rows of two tensors (n, ...), (n,) float64."""
    return total(one.double() * other.double())


def unit(direction: Tensor) -> Tensor:
    """Scale each row of a direction (n, ...) to length 1; zero stays zero."""
    size = length(direction)
    scale = torch.where(size > 0, 1 / size.clamp(min=1e-300), 0.0)
    return (direction.double() * wide(scale, direction)).to(direction.dtype)


def earlier(owner: Tensor) -> Tensor:
    """Count for each row of owners (r,) the rows of the same owner before it, (r,) int64."""
    ordered, order = owner.sort(stable=True)
    place = torch.arange(len(owner), device=owner.device) - torch.searchsorted(ordered, ordered)
    return torch.empty_like(owner).scatter(0, order, place)
