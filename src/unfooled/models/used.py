"""A model that answers some of its classes alone: outputs of a net may stand for nothing."""

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
class Used:
    """A classifier whose unused classes score lower than all others, so that no goal and no loss meets them.

    Attributes:
        inner: The model as it is.
        unused: Classes that count no more.
    """

    inner: Model
    unused: tuple[int, ...]

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.inner.device

    def answer(self, x: Batch) -> Answer:
        """Answer the best of the used classes.

        Raises:
            InputError: The model gives labels only: nothing can be left out.
        """
        scores = self.inner.answer(x).scores
        if scores is None:
            raise InputError("Classes can be left out of scores alone", "a model that gives labels", "Leave --unused.")
        return self.read(scores)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable scores, (n, k)."""
        return self._lowered(self.inner.outputs(x, prompt))

    def read(self, outputs: Tensor) -> Scores:
        """See `Model.read`."""
        return Scores(self._lowered(outputs))

    def describe(self) -> dict[str, Any]:
        """Describe the model, and say what is left out."""
        return {**self.inner.describe(), "unused": list(self.unused)}

    def _lowered(self, scores: Tensor) -> Tensor:
        lowest = scores.detach().amin(dim=1, keepdim=True) - 10  # not -inf: means of scores stay finite
        mask = torch.zeros(scores.shape[1], dtype=torch.bool, device=scores.device)
        mask[list(self.unused)] = True
        return torch.where(mask, lowest, scores)


def used_only(model: Model, unused: Sequence[str | int]) -> Model:
    """Leave classes out, by name or number; the model itself where there are none.

    Raises:
        InputError: There is no such class.
    """
    if not unused:
        return model
    names = list(model.describe()["classes"] or ())
    found = [names.index(one) if one in names else one for one in (int(u) if str(u).isdigit() else u for u in unused)]
    unknown = [one for one in found if not isinstance(one, int) or one < 0 or (names and one >= len(names))]
    if unknown:
        raise InputError("The model knows no such class", unknown[0], "Give numbers, or names of its classes.")
    return Used(model, tuple(int(one) for one in found))
