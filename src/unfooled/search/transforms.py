"""What is done to a gradient before it becomes a step; transforms chain."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Update = Callable[[Tensor, Tensor], Tensor]
"""Gradient (r, ...) and owners (r,) -> gradient (r, ...)."""

Transform = Callable[[int], Update]
"""Number of examples n -> an update with state of its own, so that a transform can be used many times."""


def momentum(decay: float) -> Transform:
    """Add up gradients of mean size 1, the older ones fading by `decay` (0 to 1) at each step."""

    def begin(n: int) -> Update:
        velocity: list[Tensor] = []

        def update(grad: Tensor, owner: Tensor) -> Tensor:
            if not velocity:
                velocity.append(grad.new_zeros((n, *grad.shape[1:])))
            roots = grad.flatten(1).double().abs().sqrt()
            # not by mean(), which adds up a single long row in another order than many rows
            total: Tensor = torch.linalg.vector_norm(roots, dim=1).square()
            size = (total / roots.shape[1]).clamp(min=1e-300)
            scaled = (grad.double() / size.view(-1, *[1] * (grad.ndim - 1))).to(grad.dtype)
            fresh: Tensor = decay * velocity[0][owner] + scaled
            velocity[0][owner] = fresh
            return fresh

        return update

    return begin


def averaged(size: int, calls: int) -> Transform:
    """Average gradients over squares of `size` values (odd) in the first `calls` steps; later ones stay as they are.

    Pictures are averaged over height and width, waveforms over time.
    """

    def begin(n: int) -> Update:
        left = [calls]

        def update(grad: Tensor, owner: Tensor) -> Tensor:
            left[0] -= 1
            return grad if left[0] < 0 else _averaged(grad, size)

        return update

    return begin


def _averaged(grad: Tensor, size: int) -> Tensor:
    flat = grad if grad.ndim > 2 else grad.unsqueeze(1)
    pool = functional.avg_pool1d if flat.ndim == 3 else functional.avg_pool2d
    return pool(flat, size, stride=1, padding=size // 2).view_as(grad)


def chained(transforms: tuple[Transform, ...], n: int) -> Update:
    """Apply transforms one after the other."""
    updates = [begin(n) for begin in transforms]

    def update(grad: Tensor, owner: Tensor) -> Tensor:
        for one in updates:
            grad = one(grad, owner)
        return torch.nan_to_num_(grad, nan=0.0, posinf=0.0, neginf=0.0)

    return update
