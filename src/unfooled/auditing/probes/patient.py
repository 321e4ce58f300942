"""What every probe is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError, UnfooledError
from unfooled.core.target import Model
from unfooled.models.black_box import scores_or_labels

T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table.

    Attributes:
        name: What was checked.
        status: `ok`; `warn` where a figure may mislead; `fail` where an audit would be refused or worthless.
        found: What was found.
        advice: What to do; empty where all is well.
    """

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Patient:
    """A model and the examples that it is asked about.

    Attributes:
        model: The adapter.
        x: Clean examples of one shape, (n, ...).
        y: Their labels, (n,).
        scores: What the model says to them, (n, k).
        batch: Rows of a pass.
    """

    model: Model
    x: Batch
    y: Tensor
    scores: Tensor
    batch: int

    def few(self, n: int) -> Batch:
        """Pick the first n examples, or all that fit one pass."""
        return self.x.rows(slice(min(n, self.batch)))


def scores_of(model: Model, x: Batch, batch: int) -> Tensor:
    """Ask as the model stands, without reseeding: scores (n, k), see `scores_or_labels`."""
    with torch.no_grad():
        parts = [scores_or_labels(model, x.rows(slice(start, start + batch))) for start in range(0, len(x), batch)]
    return torch.cat(parts)


def guarded(work: Callable[[], T]) -> T:
    """Do something with somebody else's model; whatever it raises becomes a ModelError."""
    try:
        return work()
    except UnfooledError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {str(error).strip():.300}"
        raise ModelError("The model raised an error", found, "Try it on this data outside unfooled first.") from error


def failed(name: str, error: UnfooledError) -> Check:
    """Turn an error into a failed check."""
    return Check(name, "fail", f"{error.wrong}: {error.found}", error.do)
