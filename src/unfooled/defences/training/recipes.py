"""Recipes: a search and an objective, and free training, which shares one gradient between both."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from unfooled.defences.card import Card, Layered

from .lesson import Lesson, Objective, Recipe, Search, blame
from .searches import Climb

_MOST_STEPS = 10


@dataclass(frozen=True)
class Training:
    """Trains on what a search finds, by an objective, with weights pushed uphill where that is asked for.

    Attributes:
        card: See `Defence.card`.
        search: Finds perturbed examples.
        objective: The loss.
        push: How far weights are pushed before each gradient, as a share of their length; 0 for not at all.
        helper: See `Recipe.helper`.

    Reference, for `push`:
        Wu, Xia and Wang. Adversarial weight perturbation helps robust generalization. NeurIPS 2020.
        https://arxiv.org/abs/2004.05884, section 3.2, equations 8 to 10.
        Differs from the paper: its one ascent step goes along the gradient of the net itself, not of a copy in
        training, so that no second net is kept.
    """

    card: Card
    search: Search
    objective: Objective
    push: float = 0.0
    helper: Recipe | None = None
    around: ClassVar[Layered | None] = None

    @property
    def passes(self) -> float:
        """See `Recipe.passes`."""
        return self.search.passes + self.objective.passes * (2 if self.push else 1)

    def safer(self) -> Training | None:
        """Give the same with a climb of twice as many steps; none beyond ten."""
        steps = 2 * self.search.steps if isinstance(self.search, Climb) else 2
        if self.search.passes == 0 or steps > _MOST_STEPS:
            return None
        return replace(self, search=Climb(steps=steps))

    def losses(self, lesson: Lesson) -> Iterator[Tensor]:
        """See `Recipe.losses`."""
        x_t = self.search(lesson)
        if not self.push:
            yield self.objective(lesson, x_t)
            return
        yield self._pushed(lesson, x_t)

    def _pushed(self, lesson: Lesson, x_t: Tensor) -> Tensor:
        """Give a loss with the value and the gradient that the objective has where weights are pushed uphill."""
        weights = [weight for weight in lesson.net.parameters() if weight.requires_grad]
        buffers = [(held, held.clone()) for held in lesson.net.buffers()]
        uphill = torch.autograd.grad(self.objective(lesson, x_t), weights, allow_unused=True)
        for held, before in buffers:  # batch norm has seen the same examples once already
            held.copy_(before)
        kept = [weight.detach().clone() for weight in weights]
        with torch.no_grad():
            for weight, slope in zip(weights, uphill, strict=True):
                if weight.ndim > 1 and slope is not None:
                    weight.add_(slope, alpha=self.push * float(weight.norm() / slope.norm().clamp(min=1e-12)))
        loss = self.objective(lesson, x_t)
        grads = torch.autograd.grad(loss, weights, allow_unused=True)
        with torch.no_grad():
            for weight, before in zip(weights, kept, strict=True):
                weight.copy_(before)
        # linear in the weights: its gradient is the one taken where they were pushed to
        lines = [(weight * slope).sum() for weight, slope in zip(weights, grads, strict=True) if slope is not None]
        line = torch.stack(lines).sum()
        return line - line.detach() + loss.detach()


@dataclass(frozen=True)
class Free:
    """Replays each batch, and takes from one backward pass the step of the weights and that of the perturbation.

    Attributes:
        card: See `Defence.card`.
        replays: Of each batch, 1 or more.
        helper: See `Recipe.helper`.

    Reference:
        Shafahi, Najibi, Ghiasi, Xu, Dickerson, Studer, Davis, Taylor and Goldstein. Adversarial training for free!
        NeurIPS 2019. https://arxiv.org/abs/1904.12843, section 4, algorithm 1.
        Differs from the paper: the perturbation begins anew with each batch; the search sees training mode.
    """

    card: Card
    replays: int = 4
    helper: Recipe | None = None
    around: ClassVar[Layered | None] = None

    @property
    def passes(self) -> float:
        """See `Recipe.passes`: of one batch, replays included."""
        return float(self.replays)

    def safer(self) -> Free | None:
        """See `Recipe.safer`."""
        return None

    def losses(self, lesson: Lesson) -> Iterator[Tensor]:
        """See `Recipe.losses`."""
        x, within = lesson.x, lesson.within
        x_t = within.start(x, lesson.draws, lesson.epoch)
        for _ in range(self.replays):
            values = x_t.values.detach().requires_grad_()
            yield blame(lesson.net, values, lesson.y).mean()
            if values.grad is None:  # the last step was left out
                return
            direction = within.steepest(values.grad, x_t, x)
            x_t = within.project(x_t.holding(x_t.values + within.radius * direction), x)


def untrained(module: nn.Module, seed: int = 0) -> nn.Module:
    """Copy a module with weights drawn anew where its parts know how; the caller's random state is left alone."""
    fresh = copy.deepcopy(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in fresh.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
    return fresh
