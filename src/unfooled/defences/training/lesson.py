"""What a recipe is given at each step of training, and what it must be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball
from unfooled.defences.card import Defence, Layered


class Lesson(NamedTuple):
    """One batch of training.

    Attributes:
        net: The module that learns.
        x: Examples, (n, ...); their ids key all randomness.
        y: Their labels, (n,).
        within: What the attacker may change.
        draws: Randomness of this run.
        epoch: Which draw of an example this is: 0 at its first time.
        helper: A module trained before, where the recipe asks for one.
    """

    net: nn.Module
    x: Batch
    y: Tensor
    within: Ball
    draws: Draws
    epoch: int
    helper: nn.Module | None = None


class Search(Protocol):
    """Makes the examples that a net is trained on."""

    @property
    def passes(self) -> float:
        """Forward and backward passes a batch."""
        ...

    def __call__(self, lesson: Lesson) -> Tensor:
        """Give perturbed values, (n, ...), without a graph."""
        ...


class Objective(Protocol):
    """What a net is trained by."""

    @property
    def passes(self) -> float:
        """Forward and backward passes a batch, the step of the weights included."""
        ...

    def __call__(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """Give the loss of a batch whose perturbed values are x_t (n, ...), ()."""
        ...


class Recipe(Defence, Protocol):
    """A defence by training."""

    @property
    def passes(self) -> float:
        """Forward and backward passes a batch: 1 for standard training."""
        ...

    @property
    def helper(self) -> Recipe | None:
        """How a helper is trained first; None where none is needed."""
        ...

    @property
    def around(self) -> Layered | None:
        """What the module is put into before it is trained; None for nothing."""
        ...

    def safer(self) -> Self | None:
        """Give the recipe to go on with once this one has collapsed; None where there is none, after a few at most."""
        ...

    def losses(self, lesson: Lesson) -> Iterator[Tensor]:
        """Give one loss a step of the weights, (); each step is taken before the next loss is asked for."""
        ...


@contextmanager
def searching(net: nn.Module) -> Iterator[None]:
    """Search in evaluation mode: batch norm learns from the steps of the weights, not from the search."""
    modes = [(part, part.training) for part in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def blame(net: nn.Module, values: Tensor, y: Tensor) -> Tensor:
    """Give the cross-entropy of each row, (n,)."""
    return functional.cross_entropy(net(values), y, reduction="none")


def gradient_of(loss: Tensor, values: Tensor) -> Tensor:
    """Differentiate the sum of losses (n,) for the values alone."""
    (grad,) = torch.autograd.grad(loss.sum(), values)
    return grad
