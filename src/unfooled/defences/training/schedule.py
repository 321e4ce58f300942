"""How long training takes, and what it is told of examples."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.threat import Ball

LEAST_A_CLASS = 10


@dataclass(frozen=True)
class Schedule:
    """How a net is trained, whatever the recipe.

    Attributes:
        epochs: Times that each example is seen, 1 or more; without effect where `seconds` are given.
        seconds: Time after which training ends; None where `epochs` say when.
        clock: What that time is counted by: `wall`, or `cpu`, this process's own seconds on all its threads, for a
            machine that is shared.
        batch: Examples of a step, 2 or more.
        rate: Learning rate of Adam at the start; it falls to zero in a line.
        average: Share of the averaged weights that each step keeps, 0 (no average) to below 1.
        growth: Share of the training in which the radius grows to its size, 0 to 1.
        drop: How much robust accuracy on validation examples may fall below its best before training is rolled back.
        steps: Of the climb that measures it.
        precision: `bf16` computes in bfloat16 where torch's autocast knows that a layer bears it.
        seed: Of all randomness.
    """

    epochs: int = 10
    seconds: float | None = None
    clock: Literal["wall", "cpu"] = "wall"
    batch: int = 128
    rate: float = 2e-3
    average: float = 0.995
    growth: float = 0.3
    drop: float = 0.2
    steps: int = 10
    precision: Literal["float32", "bf16"] = "float32"
    seed: int = 0

    def read_clock(self) -> float:
        """Read the clock, in seconds."""
        return time.process_time() if self.clock == "cpu" else time.perf_counter()

    def __post_init__(self) -> None:
        wrong = {
            "epochs, 1 or more": self.epochs < 1,
            "seconds, above 0": self.seconds is not None and self.seconds <= 0,
            "batch, 2 or more": self.batch < 2,
            "rate, above 0": self.rate <= 0,
            "average, 0 to below 1": not 0 <= self.average < 1,
            "growth, 0 to 1": not 0 <= self.growth <= 1,
            "drop, above 0": self.drop <= 0,
        }
        for name in (name for name, found in wrong.items() if found):
            raise InputError(f"Training needs {name}", getattr(self, name.partition(",")[0]), "Mend the setting.")


def check_time(schedule: Schedule, a_batch: float, n: int) -> None:
    """Check that the time holds one epoch of n examples, where a batch takes `a_batch` seconds.

    Raises:
        InputError: It does not.
    """
    needed, budget = a_batch * (n // schedule.batch), schedule.seconds
    if budget is not None and needed > budget:
        raise InputError(
            "The budget is too small for one epoch",
            f"{budget:.3g} s, where an epoch of {n:,} examples takes about {needed:.3g} s",
            "Give more time, fewer examples (--limit), or a recipe of fewer passes.",
        )


class Pupils(NamedTuple):
    """Labelled examples in memory.

    Attributes:
        x: Examples, (n, ...), with ids that name them.
        y: Labels, (n,).
    """

    x: Batch
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, index: Tensor | slice) -> Pupils:
        """Pick some."""
        return Pupils(self.x.rows(index), self.y[index])


def check_pupils(pupils: Pupils, within: Ball, batch: int) -> None:
    """Check that there is enough to learn from.

    Raises:
        InputError: A class has too few examples, there is less than a batch, or the set has no radius to train at.
    """
    if not 0 < within.radius < float("inf"):
        raise InputError("Training needs a threat with a radius above 0", str(within), "Write for example linf:8/255.")
    counts = torch.bincount(pupils.y)
    few = [
        f"class {label} has {int(counts[label])} to learn from"
        for label in (counts < LEAST_A_CLASS).nonzero().flatten().tolist()
    ]
    if few:
        told = ", ".join(few[:4]) + (f" and {len(few) - 4} more classes" if len(few) > 4 else "")
        raise InputError(
            f"Too few images to train on: each class needs {LEAST_A_CLASS} at least", told,
            "Bring more of them, or leave the class out.",
        )  # fmt: skip
    if len(pupils) < batch:
        raise InputError("There are fewer examples than a batch has", f"{len(pupils)}, not {batch}", "Lower --batch.")
