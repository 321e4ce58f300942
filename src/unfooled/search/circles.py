"""Walks that come back to where they were: what goes on from there is known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Mark(NamedTuple):
    """Where walks stood once, (r, ...), and their losses there, (r,): who stands there again has closed a circle.

    A mark set anew after 1, 2, 4, 8, ... steps finds every circle, by Brent's rule.

    Reference:
        Stop walking in circles! Bailing out early in projected gradient descent. CVPR 2025.
        https://arxiv.org/abs/2503.19347.
        Differs from the paper: points themselves are compared, once losses are the same to the bit; each walk has
        one mark instead of the hashes of all its points.
    """

    values: Tensor
    loss: Tensor

    def closed(self, values: Tensor, loss: Tensor) -> Tensor:
        """Tell which walks stand on their marks, (r,) bool."""
        found = loss == self.loss
        suspected = found.nonzero().flatten()
        if len(suspected):
            found[suspected] = (values[suspected] == self.values[suspected]).flatten(1).all(dim=1)
        return found

    def rows(self, index: Tensor) -> Mark:
        """Pick walks."""
        return Mark(self.values[index], self.loss[index])


def due(k: int) -> bool:
    """Tell whether a mark is set at step k."""
    return k > 0 and k & (k - 1) == 0


def unmarked(x: Tensor) -> Mark:
    """Give the mark of walks (r, ...) that have none: its losses equal nothing."""
    return Mark(x, torch.full((len(x),), torch.nan, device=x.device))
