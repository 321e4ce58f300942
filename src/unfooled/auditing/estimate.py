"""What an audit will cost, before it is paid: a few timed passes, and the bill of each attack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from unfooled.core.attack import Bill
from unfooled.core.batch import Batch
from unfooled.core.rates import wilson
from unfooled.core.target import Access, Target
from unfooled.core.threat import ThreatModel
from unfooled.core.writing import Aimed
from unfooled.losses import cross_entropy
from unfooled.models.prepare import Prepared

from .evidence import probed
from .evidence.cost import shares as shares_of
from .hearing import posed
from .plan import Plan
from .stages import Stage
from .suites import meant_for, obstacle, runs_once
from .threats import ladders

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
        diagnoses: What each diagnosis costs; its bill is for the whole sample.
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
    diagnoses: tuple[StageCost, ...] = ()

    @property
    def seconds(self) -> float:
        """All attacks and diagnoses together."""
        return sum(cost.seconds for cost in (*self.stages, *self.diagnoses))

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
    n = len(plan.examples)
    groups = plan.examples.groups(range(n))
    first = max(groups, key=len)[: plan.batch]
    probe = _Probe(plan, plan.examples.batch(first, plan.device), plan.examples.y[first].to(plan.device))
    forward, right = probe.forward()
    runs = _runs(plan)
    diagnosed = _diagnosed(plan)
    climbed = bool(diagnosed) or any(bill.backwards for _, _, bill in runs)
    gradient, activations = probe.gradient() if climbed else (None, 0)
    passes = sum(ceil(len(group) / plan.batch) for group in groups)
    backward = max(0.0, (gradient or 0.0) - forward)
    stages = tuple(
        # One more forward pass: the referee's.
        StageCost(name, stage.name, bill, passes * stage.among.most(n) / n * (
            (bill.queries + bill.forwards + 1) * forward + bill.backwards * backward))
        for name, stage, bill in runs
    )  # fmt: skip
    diagnoses = tuple(_diagnosis(plan, threat, forward, backward) for threat in diagnosed)
    wave = max(len(wave) for wave in plan.waves(np.arange(n)))
    memory = activations + SEARCH_COPIES * wave * probe.x.values[0].numel() * probe.x.values.element_size()
    return Estimate(
        n, len(groups), passes, plan.classes, right, len(first), forward, gradient, memory, stages, diagnoses
    )


def _diagnosis(plan: Plan, threat: ThreatModel, forward: float, backward: float) -> StageCost:
    """Say what a diagnosis costs, given the seconds of a forward pass and of a backward pass."""
    shares = shares_of(plan, threat)
    asked = Bill(*(sum(share.examples * share.bill[kind] for share in shares) for kind in range(3)))
    seconds = sum(
        ceil(share.examples / plan.batch) * (
            (share.bill.queries + share.bill.forwards + 1) * forward + share.bill.backwards * backward)
        for share in shares
    )  # fmt: skip
    return StageCost(threat.name, "diagnosis", asked, seconds)


def _diagnosed(plan: Plan) -> list[ThreatModel]:
    """List the threats that are diagnosed, one of those that differ in their radius alone."""
    probed_of = ([plan.threats[index] for index in ladder if probed(plan, plan.threats[index])]
                 for ladder in ladders(plan.threats))  # fmt: skip
    return [threats[-1] for threats in probed_of if threats and plan.diagnosed]


def _runs(plan: Plan) -> list[tuple[str, Stage, Bill]]:
    """List what the audit would run, and its bill for one example; a budget is used up by the first attacks.

    What looks for the nearest success runs at the largest of several radii alone, and counts at each.
    """
    runs = []
    for ladder in ladders(plan.threats):
        usable = {index: _usable(plan, plan.threats[index]) for index in ladder}
        once = runs_once([plan.threats[index] for index in ladder])
        shared = [stage for stage in usable[ladder[-1]] if once(stage)]
        bills, left = _bills(plan, shared, plan.threats[ladder[-1]].budget)
        runs += [(plan.threats[ladder[-1]].name, *bill) for bill in bills]
        for index in ladder:
            bills, _ = _bills(plan, [stage for stage in usable[index] if not once(stage)], left)
            runs += [(plan.threats[index].name, *bill) for bill in bills]
    return runs


def _usable(plan: Plan, threat: ThreatModel) -> list[Stage]:
    return [stage for stage in meant_for(plan.stages, threat) if not obstacle(stage, threat)]


def _bills(plan: Plan, stages: Sequence[Stage], left: int | None) -> tuple[list[tuple[Stage, Bill]], int | None]:
    """Say what attacks ask for one example while a budget lasts, and what is left of it."""
    bills = []
    for stage in stages:
        bill = stage.attack.bill(plan.classes)
        if left is not None:
            bill = Bill(*(min(rows, left) for rows in bill))
            left -= max(bill.queries, bill.forwards)
        bills.append((stage, bill))
    return bills, left


@dataclass(frozen=True)
class _Probe:
    """One batch to take the time with."""

    plan: Plan
    x: Batch
    y: Tensor

    def target(self, searched: Prepared | None = None) -> Target:
        model, plan = searched or self.plan.searched, self.plan
        return Target(model, Access.GRADIENT, len(self.x), batch=plan.batch, device=plan.device)

    @property
    def everyone(self) -> Tensor:
        return torch.arange(len(self.x), device=self.plan.device)

    def forward(self) -> tuple[float, int]:
        """Time a forward pass; tells also how many examples the model reads right."""
        seconds = _timed(lambda: int(self.target().answer(self.x, self.everyone).labels.sum()))
        return seconds, int((self.target().answer(self.x, self.everyone).labels == self.y).sum())

    def gradient(self) -> tuple[float, int]:
        """Time a forward and a backward pass; tells also the bytes that were kept in between."""
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            self._climb()
        return _timed(self._climb), sum(kept.values())

    def _climb(self) -> float:
        goal, searched = posed(self.plan.threats[0].goal, self.plan.searched, self.x, self.y)

        def loss(scores: Tensor, owner: Tensor) -> Tensor:
            if isinstance(goal, Aimed):
                return goal.objective(cross_entropy, scores, self.y[owner])
            return functional.cross_entropy(scores, self.y[owner], reduction="none")

        return float(self.target(searched).gradient(self.x, loss, self.everyone).grad.sum())


def _timed(work: Callable[[], object]) -> float:
    """Take the median of a few runs after one that is not counted; `work` ends by reading a number off the device."""
    work()
    times = []
    for _ in range(REPETITIONS):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return median(times)
