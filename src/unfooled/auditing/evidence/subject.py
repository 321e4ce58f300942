"""What every probe of a diagnosis is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from unfooled.auditing.plan import Plan
from unfooled.auditing.sheet import COSTS, Clean
from unfooled.auditing.stages import Stage
from unfooled.auditing.wave import attack_wave
from unfooled.core.attack import Attack
from unfooled.core.batch import Batch
from unfooled.core.evidence import Measurement
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Model, Objective, Target
from unfooled.core.threat import Ball, ThreatModel
from unfooled.losses import cross_entropy, margin
from unfooled.models.prepare import Prepared

LARGEST = 1e9
"""Figures are cut here, so that run.json holds no infinity."""


class Reading(NamedTuple):
    """What one probe measured, and what that cost: rows asked about by the kind of pass."""

    rows: list[Measurement]
    queries: int = 0
    forwards: int = 0
    backwards: int = 0


@dataclass(frozen=True)
class Subject:
    """A model under a threat, and a random sample of the examples that it reads rightly.

    Attributes:
        plan: The audit.
        clean: What the model answers to clean examples.
        threat: The threat, without a budget: the diagnosis pays for itself.
        drawn: All examples that it reads rightly, of one shape, in random order.
        size: How many of them the sample takes.
        broken: Which of the whole data the audit broke under this threat, (N,) bool.
        on_pass: As in `Target`.
    """

    plan: Plan
    clean: Clean
    threat: ThreatModel
    drawn: np.ndarray
    size: int
    broken: np.ndarray
    on_pass: Callable[[int], None]

    @property
    def within(self) -> Ball:
        """The threat's set, which has a radius."""
        return cast(Ball, self.threat.within)

    @property
    def wave(self) -> np.ndarray:
        """The sample, (n,)."""
        return self.drawn[: self.size]

    @property
    def survivors(self) -> np.ndarray:
        """All that stand, in random order."""
        return np.asarray(self.drawn[~self.broken[self.drawn]])

    @property
    def fallen(self) -> np.ndarray:
        """All that the audit broke, in random order."""
        return np.asarray(self.drawn[self.broken[self.drawn]])

    @property
    def kind(self) -> str:
        """The kind of set, such as `linf`."""
        return str(self.within).partition("@")[0].partition(":")[0]

    @cached_property
    def x(self) -> Batch:
        """The clean sample."""
        return self.plan.examples.batch(self.wave.tolist(), self.plan.device)

    @cached_property
    def y(self) -> Tensor:
        """Its labels, (n,)."""
        return self.plan.examples.y[self.wave].to(self.plan.device)

    @property
    def draws(self) -> Draws:
        """Randomness of the diagnosis, apart from that of any attack."""
        return Draws.of(self.plan.seed, self.threat.name, "diagnosis")

    @property
    def bare(self) -> Prepared:
        """The user's own model, without any copy or remedy."""
        return Prepared(self.plan.model, self.plan.model, lenient=True)

    def first(self, n: int) -> Subject:
        """Give the same with a smaller sample."""
        return replace(self, size=min(n, self.size))

    def target(
        self, rows: int, *, model: Model | None = None, batch: int | None = None, seed: int | None = None,
        draws: int | None = None,
    ) -> Target:  # fmt: skip
        """Open a door to the model, by default as the attacks met it, for `rows` examples."""
        plan = self.plan
        return Target(
            plan.searched if model is None else model,
            Access.GRADIENT,
            rows,
            batch=batch or plan.batch,
            seed=plan.seed if seed is None else seed,
            device=plan.device,
            on_pass=self.on_pass,
            draws=draws or plan.searched.draws,
        )

    def objective(self, loss: str = "margin") -> Objective:
        """Say what the attacker maximises on the sample: `margin` or `cross-entropy`."""
        chosen = {"margin": margin, "cross-entropy": cross_entropy}[loss]
        return lambda outputs, owner: self.threat.goal.objective(chosen, outputs, self.y[owner])

    def attacked(
        self, attack: Attack[Ball], wave: np.ndarray, within: Ball | None = None, queries: int | None = None
    ) -> tuple[np.ndarray, Reading]:
        """Let an attack try some examples, as in an audit: which of them the referee finds broken, and the cost."""
        if not len(wave):
            return np.zeros(0, dtype=bool), Reading([])
        threat = replace(self.threat, within=within or self.within, budget=queries)
        plan = replace(self.plan, keep="none")
        unit = attack_wave(
            plan, [threat], Stage("diagnosis", attack), wave,
            clean=self.clean, spent=np.zeros(len(wave), dtype=np.int64), rows=plan.batch,
            on_pass=self.on_pass,
        )  # fmt: skip
        return unit["0/broken"], Reading([], *(int(unit[name].sum()) for name in COSTS))

    def measured(self, name: str, value: float, n: int, detail: str = "") -> Measurement:
        """Write a figure down under this threat."""
        return Measurement(self.threat.name, name, min(max(float(value), -LARGEST), LARGEST), int(n), detail)


def paid(target: Target, rows: list[Measurement]) -> Reading:
    """Put figures together with what a target counted."""
    return Reading(rows, *(int(getattr(target.spent, name).sum()) for name in COSTS))


def added(readings: list[Reading]) -> Reading:
    """Join readings."""
    rows = [row for reading in readings for row in reading.rows]
    return Reading(rows, *(sum(getattr(reading, name) for reading in readings) for name in COSTS))


def everyone(x: Batch) -> Tensor:
    """Name all rows as their own owners, (n,)."""
    return torch.arange(len(x), device=x.values.device)
