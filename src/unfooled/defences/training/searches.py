"""How training finds its perturbed examples: climbs, single jumps, or any attack of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.answer import Scores
from unfooled.core.attack import Attack, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.target import Target
from unfooled.core.threat import Ball
from unfooled.goals import Misclassify
from unfooled.sets.patch import Patch

from .lesson import Lesson, blame, gradient_of, searching


@dataclass(frozen=True)
class Clean:
    """Changes nothing: standard training."""

    passes: float = 0.0

    def __call__(self, lesson: Lesson) -> Tensor:
        """See `Search`."""
        return lesson.x.values


@dataclass(frozen=True)
class Climb:
    """Small steps, each followed by a projection; every example takes them all.

    Attributes:
        steps: 1 or more.
        step: Size of a step as a share of the radius; None for 2.5 / steps.
        away: What is climbed: the cross-entropy with the label, or the divergence from the net's own answer to x.

    Reference:
        Madry, Makelov, Schmidt, Tsipras and Vladu. Towards deep learning models resistant to adversarial attacks.
        ICLR 2018. https://arxiv.org/abs/1706.06083, section 2.1.
        Differs from the paper: the search runs in evaluation mode.
    """

    steps: int = 10
    step: float | None = None
    away: Literal["label", "own"] = "label"

    @property
    def passes(self) -> float:
        """See `Search.passes`; the answer to x is half a pass."""
        return self.steps + (0.5 if self.away == "own" else 0.0)

    def __call__(self, lesson: Lesson) -> Tensor:
        """See `Search`."""
        net, x, within = lesson.net, lesson.x, lesson.within
        size = within.radius * (2.5 / self.steps if self.step is None else self.step)
        with searching(net):
            own = None
            if self.away == "own":
                with torch.no_grad():
                    own = net(x.values).softmax(dim=1)
            x_t = within.start(x, lesson.draws, lesson.epoch)
            for _ in range(self.steps):
                values = x_t.values.detach().requires_grad_()
                loss = blame(net, values, lesson.y) if own is None else _divergence(net(values), own)
                direction = within.steepest(gradient_of(loss, values), x_t, x)
                x_t = within.project(x_t.holding(x_t.values + size * direction), x)
        return x_t.values


@dataclass(frozen=True)
class Jump:
    """One step from a random point.

    Attributes:
        noise: Size of the set that the point is drawn from, in radii; 0 for the example itself.
        step: Size of the step in radii.
        clip: Whether what comes out is projected into the set.

    Reference:
        Wong, Rice and Kolter. Fast is better than free: revisiting adversarial training. ICLR 2020.
        https://arxiv.org/abs/2001.03994, section 4.1 (noise 1, step 1.25, clipped); de Jorge, Bibi, Volpi, Sanyal,
        Torr, Rogez and Dokania. Make some noise: reliable and efficient single-step adversarial training. NeurIPS
        2022. https://arxiv.org/abs/2202.01181, section 4 (noise 2, step 1, not clipped).
        Differs from the papers: noise stays in the range of inputs; in sets other than Linf the step goes in that
        set's steepest direction.
    """

    noise: float = 2.0
    step: float = 1.0
    clip: bool = False
    passes: float = 1.0

    def __call__(self, lesson: Lesson) -> Tensor:
        """See `Search`."""
        net, x, within = lesson.net, lesson.x, lesson.within
        wide = widened(within, self.noise)
        begin = wide.start(x, lesson.draws, lesson.epoch) if self.noise else x
        with searching(net):
            values = begin.values.detach().requires_grad_()
            direction = within.steepest(gradient_of(blame(net, values, lesson.y), values), begin, x)
        moved = x.holding(begin.values + self.step * within.radius * direction)
        return within.project(moved, x).values if self.clip else moved.values.clamp(within.low, within.high)


@dataclass(frozen=True)
class Occlude:
    """Covers a place of the example and climbs under it: half of the places are drawn, half are where it hurts most.

    Attributes:
        steps: Of the climb, 1 or more.
        step: Size of a step as a share of the range of inputs.

    Reference:
        Wu, Tong and Vorobeychik. Defending against physically realizable attacks on image classification. ICLR 2020.
        https://arxiv.org/abs/1909.09552, section 4.
        Differs from the paper: squares of the set in place of rectangles; the place is the steepest at the example or
        drawn by lot, and none is tried out; colours begin at random.
    """

    steps: int = 7
    step: float = 0.2

    @property
    def passes(self) -> float:
        """See `Search.passes`; one more finds the place."""
        return self.steps + 1.0

    def __call__(self, lesson: Lesson) -> Tensor:
        """See `Search`.

        Raises:
            InputError: What may be changed is no place.
        """
        net, x, within = lesson.net, lesson.x, lesson.within
        if not isinstance(within, Patch):
            raise InputError("Occlusion covers places", str(within), "Train against a patch: patch:8.")
        size = self.step * (within.high - within.low)
        with searching(net):
            drawn = within.start(x, lesson.draws, lesson.epoch).values
            values = x.values.detach().requires_grad_()
            steepest = within.steepest(gradient_of(blame(net, values, lesson.y), values), x, x) != 0
            lots = lesson.draws.uniform((1,), x.ids, "covered", lesson.epoch).view(-1, *[1] * (values.ndim - 1))
            covered = torch.where(lots < 0.5, drawn != x.values, steepest)
            if values.ndim > 2:
                covered = covered.any(dim=1, keepdim=True)
            colours = lesson.draws.uniform(tuple(x.values.shape[1:]), x.ids, "colours", lesson.epoch)
            x_t = torch.where(covered, within.low + (within.high - within.low) * colours, x.values)
            for _ in range(self.steps):
                values = x_t.detach().requires_grad_()
                grad = gradient_of(blame(net, values, lesson.y), values)
                x_t = (x_t + size * covered * grad.sign()).clamp(within.low, within.high)
        return x_t.detach()


@dataclass(frozen=True)
class Crafted:
    """Any attack of ours, on every batch; an example keeps what the attack proposes.

    Attributes:
        attack: The attack, with its settings.
    """

    attack: Attack[Ball]

    @property
    def passes(self) -> float:
        """See `Search.passes`: what an example costs at most."""
        bill = self.attack.bill(10)
        return (bill.queries + bill.forwards + bill.backwards) / 2

    def __call__(self, lesson: Lesson) -> Tensor:
        """See `Search`."""
        x = lesson.x
        with searching(lesson.net):
            target = Target(Met(lesson.net), self.attack.needs, len(x), device=x.values.device)
            draws = type(lesson.draws).of(lesson.epoch, lesson.draws.key)
            return self.attack(Problem(target, x, lesson.y, Misclassify(), lesson.within, draws)).x_adv.values.detach()


@dataclass(frozen=True)
class Met:
    """A module that learns, as attacks meet it."""

    module: nn.Module

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return next(self.module.parameters()).device

    def answer(self, x: Batch) -> Scores:
        """See `Model.answer`."""
        with torch.no_grad():
            return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """See `Model.outputs`."""
        scores: Tensor = self.module(x.values)
        return scores

    def read(self, outputs: Tensor) -> Scores:
        """See `Model.read`."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """See `Model.describe`: weights under way have no name."""
        return {"name": type(self.module).__qualname__, "sha256": "", "classes": None}


def widened(within: Ball, share: float) -> Ball:
    """Give a set of another size, as large as the range of inputs allows."""
    return within.resized(min(share * within.radius, within.high - within.low)) if share != 1 else within


def _divergence(scores: Tensor, own: Tensor) -> Tensor:
    return functional.kl_div(scores.log_softmax(dim=1), own, reduction="none").sum(dim=1)
