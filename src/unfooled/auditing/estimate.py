"""What an audit will cost, before it is paid: a few timed passes, and the bill of each attack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from statistics import median
from time import perf_counter

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from unfooled.core.attack import Bill
from unfooled.core.batch import Batch
from unfooled.core.results import wilson
from unfooled.core.target import Access, Target

from .plan import Plan

REPETITIONS = 3
SEARCH_COPIES = 10
"""Tensors of the size of a wave that a search and the referee hold at once, roughly."""


@dataclass(frozen=True)
class StageCost:
    """What one attack costs at most under one threat, if nothing falls before it.

    Attributes:
        threat: Name of the threat.
        attack: Name of the attack.
        bill: Rows asked for one example.
        seconds: For all examples.
    """

    threat: str
    attack: str
    bill: Bill
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """What an audit costs at most.

    Attributes:
        n: Examples.
        shapes: Different shapes among them; each has passes of its own.
        passes: Passes that it takes to ask about each example once.
        classes: Classes of the model.
        right: How many of the first examples the model reads right.
        tried: How many of them were tried.
        forward: Seconds of one forward pass of a full batch.
        gradient: Seconds of one forward and backward pass; None where no attack needs one.
        memory: Bytes, roughly: weights, activations of one pass, and what a search holds.
        stages: What each attack costs.
    """

    n: int
    shapes: int
    passes: int
    classes: int
    right: int
    tried: int
    forward: float
    gradient: float | None
    memory: int
    stages: tuple[StageCost, ...]

    @property
    def seconds(self) -> float:
        """All attacks together."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def half_width(self) -> float:
        """Half the 95 % interval of an accuracy near one half on n examples, 0 to 1."""
        low, high = wilson(self.n // 2, self.n)
        return (high - low) / 2


def examples_for(half_width: float, z: float = 1.959963984540054) -> int:
    """Say how many examples give an interval of plus or minus `half_width` around an accuracy of one half."""
    return ceil((z / (2 * half_width)) ** 2 - z**2)


def estimate(plan: Plan) -> Estimate:
    """Time a few passes on this machine and multiply them by what each attack may ask for.

    Args:
        plan: The audit, as `planned` gives it.

    Raises:
        ModelError: An attack needs gradients and the model has none.
    """
    groups = plan.examples.groups(range(len(plan.examples)))
    largest = max(groups, key=len)[: plan.batch]
    x = plan.examples.batch(largest, plan.device)
    y = plan.examples.y[largest].to(plan.device)
    runs = [
        (threat, stage, _within_budget(stage.attack.bill(plan.classes), threat.budget))
        for threat in plan.threats
        for stage in plan.stages
        if stage.attack.needs <= threat.access
    ]
    forward, right = _timed_forward(plan, x, y)
    gradient, activations = None, 0
    if any(bill.backwards for _, _, bill in runs):
        gradient, activations = _timed_gradient(plan, x, y)
    passes = sum(ceil(len(group) / plan.batch) for group in groups)
    backward = max(0.0, (gradient or 0.0) - forward)
    stages = tuple(
        StageCost(
            threat.name,
            stage.name,
            bill,
            # One more forward pass: the referee's.
            passes * ((bill.queries + bill.forwards + 1) * forward + bill.backwards * backward),
        )
        for threat, stage, bill in runs
    )
    wave = max(len(wave) for wave in plan.waves(_all(plan))) * x.values[0].numel() * 4
    memory = activations + SEARCH_COPIES * wave
    shapes = len({plan.examples.shapes[group[0]] for group in groups})
    return Estimate(
        len(plan.examples), shapes, passes, plan.classes, right, len(x), forward, gradient, memory, stages
    )
