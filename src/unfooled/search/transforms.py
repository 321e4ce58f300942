"""What is done to a gradient before it becomes a step; transforms chain."""

from __future__ import annotations

import math
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


def smoothed(size: int) -> Transform:
    """Blur gradients by a Gaussian kernel of `size` values a side (odd) and a deviation of a third of its half.

    Pictures are blurred over height and width, waveforms over time.

    Reference:
        Dong, Pang, Su and Zhu. Evading defenses to transferable adversarial examples by translation-invariant attacks.
        CVPR 2019. https://arxiv.org/abs/1904.02884, section 3.2.
        Differs from the paper: nothing.
    """
    half = size // 2
    heights = [math.exp(-4.5 * (place / max(half, 1)) ** 2) for place in range(-half, half + 1)]
    kernel = [height / sum(heights) for height in heights]

    def begin(n: int) -> Update:
        def update(grad: Tensor, owner: Tensor) -> Tensor:
            for axis in range(2 if grad.ndim < 4 else 3, grad.ndim + 1):
                grad = _blurred(grad, kernel, axis - 1)
            return grad

        return update

    return begin


def _blurred(grad: Tensor, kernel: list[float], axis: int) -> Tensor:
    """Blur along one axis: by shifts and sums, which add up alike in a batch of any size."""
    half, length = len(kernel) // 2, grad.shape[axis]
    blurred = torch.zeros_like(grad)
    for place, share in enumerate(kernel):
        shift = place - half
        if abs(shift) < length:
            begin, extent = max(0, shift), length - abs(shift)
            blurred.narrow(axis, max(0, -shift), extent).add_(grad.narrow(axis, begin, extent), alpha=share)
    return blurred


def chained(transforms: tuple[Transform, ...], n: int) -> Update:
    """Apply transforms one after the other."""
    updates = [begin(n) for begin in transforms]

    def update(grad: Tensor, owner: Tensor) -> Tensor:
        for one in updates:
            grad = one(grad, owner)
        return torch.nan_to_num_(grad, nan=0.0, posinf=0.0, neginf=0.0)

    return update
