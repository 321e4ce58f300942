"""Climb what an inner layer of a surrogate computes: what models of other families compute alike early on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from unfooled.core.attack import Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import wide
from unfooled.core.target import Objective, Target
from unfooled.core.threat import Ball, Loss

from .slopes import Slope, mixed

_LAYERS = (torch.conv1d, torch.conv2d, functional.linear)
_KEPT = 0.7
"""Share of the pixels that stay in each copy by which importance is told."""


class _Watch(TorchFunctionMode):
    """Keeps what one layer gives, of those that convolve or multiply by a matrix; a forward pass has `count` of them.

    Args:
        place: Which layer, from 0.
    """

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place, self.count, self._kept = place, 0, list[Tensor]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call an operation of torch."""
        answer = func(*args, **(kwargs or {}))
        if func in _LAYERS:
            if self.count == self.place:
                self._kept = [answer]
            self.count += 1
        return answer

    def taken(self) -> Tensor:
        """Give what the layer gave in the last pass, and begin anew."""
        self.count = 0
        return self._kept.pop()


def feature_slope(problem: Problem[Ball], loss: Loss, depth: float, copies: int) -> Slope:
    """Make a slope along which features change as the loss of the surrogate would have them, at the beginning.

    Features are weighed by the mean gradient of the loss over copies of which 30% of the pixels are dropped: so they
    tell of the object, not of what this one model makes of single pixels.

    Args:
        problem: Holds the surrogates.
        loss: By which importance is told.
        depth: Of the layer, as a share of the layers that convolve or multiply by a matrix, above 0 to 1.
        copies: By which importance is told, 1 or more.

    Raises:
        InputError: A surrogate has no such layer.

    Reference:
        Wang, Guo, Zhang, Liu, Qin and Ren. Feature importance-aware transferable adversarial attacks. ICCV 2021.
        https://arxiv.org/abs/2107.14185, section 3.
        Differs from the paper: importance is the gradient of the loss that is climbed, not of the label's score, so
        that a class can be aimed at; the layer is found by its depth.
    """
    objective = problem.objective(loss)
    known = torch.zeros(len(problem.x), dtype=torch.bool, device=problem.x.values.device)
    slopes = tuple(
        _Features(problem, model, objective, max(0, round(depth * _layers(problem, model)) - 1), copies, known.clone())
        for model in problem.surrogates
    )
    even = torch.full((len(problem.x), len(slopes)), 1 / len(slopes), device=problem.x.values.device)
    return mixed(slopes, even)


@dataclass(frozen=True)
class _Features:
    """The slope of one surrogate; importance is told once for each example, when it is first asked about.

    Attributes:
        problem: Holds the examples.
        model: The surrogate.
        objective: By which importance is told.
        place: Of the layer.
        copies: By which importance is told.
        known: Whose importance was told, (n,) bool.
        weights: Importance of all features, one tensor (n, ...) once its shape is known.
    """

    problem: Problem[Ball]
    model: Target
    objective: Objective
    place: int
    copies: int
    known: Tensor
    weights: list[Tensor] = field(default_factory=list)

    def __call__(self, x_t: Batch, owner: Tensor, draw: int) -> Tensor:
        new = torch.unique(owner[~self.known[owner]])
        if len(new):
            self._weigh(new)
        with _Watch(self.place) as watch:
            return self.model.gradient(x_t, partial(self._along, watch), owner).grad

    def _weigh(self, owner: Tensor) -> None:
        """Tell the importance of all features for examples, by copies of where they begin."""
        x = self.problem.x.rows(owner)
        places = x.values.shape[1:]
        shape = (1, *places[1:]) if len(places) > 1 else tuple(places)  # a pixel is dropped with all its colours
        for copy in range(self.copies):
            lots = self.problem.draws.uniform(shape, x.ids, "dropped", copy)
            with _Watch(self.place) as watch:
                self.model.gradient(x.holding(x.values * (lots < _KEPT)), partial(self._weighed, watch), owner)
        self.known[owner] = True
        (weights,) = self.weights
        size = torch.linalg.vector_norm(weights[owner].flatten(1), dim=1).clamp(min=1e-30)
        weights[owner] /= wide(size, weights)

    def _weighed(self, watch: _Watch, outputs: Tensor, rows: Tensor) -> Tensor:
        features, loss = watch.taken(), self.objective(outputs, rows)
        (grad,) = torch.autograd.grad(loss.sum(), features, retain_graph=True)
        if not self.weights:
            self.weights.append(grad.new_zeros((len(self.known), *grad.shape[1:])))
        self.weights[0][rows] += grad[: len(rows)]
        return loss

    def _along(self, watch: _Watch, outputs: Tensor, rows: Tensor) -> Tensor:
        return (self.weights[0][rows] * watch.taken()[: len(rows)]).flatten(1).sum(dim=1)


def _layers(problem: Problem[Ball], model: Target) -> int:
    """Count the layers of a surrogate that convolve or multiply by a matrix."""
    first = torch.zeros_like(problem.everyone()[:1])
    with _Watch(-1) as watch:
        model.answer(problem.x.rows(first), first)
    count: int = watch.count
    if not count:
        raise InputError(
            "A surrogate has no layer whose features could be climbed", "neither convolutions nor linear layers",
            "Choose an attack on scores, such as di-ti-mi.",
        )  # fmt: skip
    return count
