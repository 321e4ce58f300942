"""Directions for climbs whose finds must carry over to another model: layers around a gradient, which chain."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.rows import wide
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball

from .transforms import Transform
from .views import View

Slope = Callable[[Batch, Tensor, int], Tensor]
"""Points (r, ...), their owners (r,) and the number of the draw -> a direction in which the loss grows, (r, ...)."""

Layer = Callable[[Slope, int], Slope]
"""A slope and the number of examples n -> a slope that asks it, with state of its own."""


def layered(slope: Slope, layers: tuple[Layer, ...], n: int) -> Slope:
    """Put layers around a slope, the innermost first."""
    for layer in layers:
        slope = layer(slope, n)
    return slope


def after(transform: Transform) -> Layer:
    """Change what a slope gave, as in `transforms`."""

    def layer(slope: Slope, n: int) -> Slope:
        update = transform(n)
        return lambda x_t, owner, draw: update(slope(x_t, owner, draw), owner)

    return layer


def viewed(view: View, copies: int = 1) -> Layer:
    """Average a slope over so many changed copies of each point.

    The slope is taken at the copy and pulled back through the change.
    """

    def layer(slope: Slope, n: int) -> Slope:
        def averaged(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
            total = torch.zeros_like(x_t.values)
            for copy in range(copies):
                number = draw * copies + copy
                total += _pulled_back(slope, view, x_t, owner, number)
            return total / copies

        return averaged

    return layer


def _pulled_back(slope: Slope, view: View, x_t: Batch, owner: Tensor, draw: int) -> Tensor:
    values = x_t.values.detach().requires_grad_()
    with torch.enable_grad():
        seen = view(x_t.holding(values), draw)
    grad = slope(x_t.holding(seen.detach()), owner, draw)
    (pulled,) = torch.autograd.grad(seen, values, grad)
    return pulled


def varied(within: Ball, draws: Draws, neighbours: int, reach: float) -> Layer:
    """Correct each slope by how much that of the step before differed from those around it.

    Args:
        within: The shape of the neighbourhood around each point.
        draws: Choose the neighbours.
        neighbours: How many of them, 1 or more.
        reach: Size of the neighbourhood, as a multiple of the set.

    Reference:
        Wang and He. Enhancing the transferability of adversarial attacks through variance tuning. CVPR 2021.
        https://arxiv.org/abs/2103.15571, algorithm 1.
        Differs from the paper: neighbours lie in the range of inputs and in the norm of the set.
    """

    def layer(slope: Slope, n: int) -> Slope:
        tuning: list[Tensor] = []

        def corrected(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
            first = draw * (neighbours + 1)
            grad = slope(x_t, owner, first)
            around = torch.zeros_like(grad)
            for number in range(first + 1, first + 1 + neighbours):
                step = within.start(x_t, draws, number).values - x_t.values
                beside = (x_t.values + reach * step).clamp(within.low, within.high)
                around += slope(x_t.holding(beside), owner, number)
            if not tuning:
                tuning.append(grad.new_zeros((n, *grad.shape[1:])))
            before = tuning[0][owner]
            tuning[0][owner] = around / neighbours - grad
            return grad + before

        return corrected

    return layer


def foreseen(reach: float) -> Layer:
    """Take a slope where the last direction leads, `reach` times its length ahead.

    Put around momentum it is Nesterov's.

    Reference:
        Lin, Song, He, Wang and Hopcroft. Nesterov accelerated gradient and scale invariance for adversarial attacks.
        ICLR 2020. https://arxiv.org/abs/1908.06281, section 3.1.
        Differs from the paper: nothing.
    """

    def layer(slope: Slope, n: int) -> Slope:
        last: list[Tensor] = []

        def ahead(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
            if not last:
                last.append(x_t.values.new_zeros((n, *x_t.values.shape[1:])))
            last[0][owner] = slope(x_t.holding(x_t.values + reach * last[0][owner]), owner, draw)
            return last[0][owner]

        return ahead

    return layer


def mixed(slopes: tuple[Slope, ...], weights: Tensor) -> Slope:
    """Add slopes up with weights (n, m), each example its own."""

    def together(x_t: Batch, owner: Tensor, draw: int) -> Tensor:
        total = torch.zeros_like(x_t.values)
        for slope, weight in zip(slopes, weights.unbind(dim=1), strict=True):
            total += wide(weight[owner], total) * slope(x_t, owner, draw)
        return total

    return together
