"""The nearest point that a file can hold: what is found in float32 must survive being written."""

from __future__ import annotations

import torch

from unfooled.core.batch import Batch
from unfooled.core.threat import PerturbationSet

_HALVINGS = 12


def settle(x_adv: Batch, x: Batch, within: PerturbationSet, levels: int | None) -> Batch:
    """Move proposals once to the nearest point of a grid that lies inside the set.

    Rounding can carry a value out of an Linf ball, so no value may move further than the furthest already did;
    it can also lengthen an L2 change, which is then shortened just enough, by halving.

    Args:
        x_adv: Proposals inside the set, (n, ...).
        x: Clean examples on the grid, (n, ...).
        within: The set.
        levels: Steps of the grid between 0 and 1; None where every float32 is on it.

    Returns:
        The very batch `x_adv` where there is no grid; else points of the grid, inside the set (x itself where
        nothing else of the change is left).
    """
    if levels is None:
        return x_adv
    delta = x_adv.values - x.values
    shape = (-1, *[1] * (delta.ndim - 1))
    limit = delta.abs().flatten(1).amax(dim=1).view(shape)
    settled = _rounded(x.values + delta, x.values, limit, levels)
    inside = within.contains(x.holding(settled), x)
    if bool(inside.all()):
        return x.holding(settled)
    best = torch.where(inside.view(shape), settled, x.values)
    low, high = torch.zeros_like(limit), torch.ones_like(limit)
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        shorter = _rounded(x.values + share * delta, x.values, limit, levels)
        fits = within.contains(x.holding(shorter), x).view(shape)
        improves = fits & ~inside.view(shape)
        best = torch.where(improves, shorter, best)
        low, high = torch.where(fits, share, low), torch.where(fits, high, share)
    return x.holding(best)


def _rounded(values: torch.Tensor, x: torch.Tensor, limit: torch.Tensor, levels: int) -> torch.Tensor:
    nearest = (values * levels).round() / levels
    steps = (values - x) * levels
    towards_x = ((x * levels).round() + steps.trunc()) / levels
    return torch.where((nearest - x).abs() > limit + 1e-6, towards_x, nearest)
