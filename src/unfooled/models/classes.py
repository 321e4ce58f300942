"""Classes of two models side by side: a surrogate must mean by its scores what the target means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unfooled.core.answer import Answer, Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.target import Model


@dataclass(frozen=True)
class Reordered:
    """A model whose scores are put into another order of classes.

    Attributes:
        model: Gives scores.
        order: For each class of the new order the number of the model's own, 0 or more.
    """

    model: Model
    order: tuple[int, ...]

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.model.device

    def answer(self, x: Batch) -> Answer:
        """Answer as deployed, in the new order."""
        with torch.no_grad():
            return self.read(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable scores in the new order, (n, k)."""
        outputs = self.model.outputs(x, prompt)
        return outputs[:, torch.tensor(self.order, device=outputs.device)]

    def read(self, outputs: Tensor) -> Scores:
        """Read the answer off scores (n, k)."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """Describe the model, and the order."""
        told = self.model.describe()
        names = told["classes"]
        renamed = None if names is None else [names[place] for place in self.order]
        return {**told, "classes": renamed, "order": list(self.order)}


def aligned(model: Model, names: Sequence[str] | None, count: int, own: int) -> Model:
    """Bring a surrogate's classes into the target's order, by their names.

    Args:
        model: The surrogate.
        names: Of the target's classes; None where they are not known.
        count: How many classes the target has.
        own: How many the surrogate has.

    Raises:
        InputError: The numbers differ, or a name of the target is missing or there twice.
    """
    told = model.describe()
    mine, name = told["classes"], told["name"]
    if names is None or mine is None:
        if own != count:
            raise InputError(f"The surrogate {name} has other classes", f"{own} classes, the target {count}", _DO)
        return model
    if list(mine) == list(names):
        return model
    missing = [one for one in names if list(mine).count(one) != 1]
    if missing or len(set(names)) < len(names):
        shown = f"{len(missing)} of the target's {len(names)} have none of their name: {', '.join(missing[:5])}"
        raise InputError(f"The surrogate {name} has other classes", shown, _DO)
    return Reordered(model, tuple(list(mine).index(one) for one in names))


_DO = "Say which class is which: unfooled.Reordered(surrogate, order), with the surrogate's number for each class."
