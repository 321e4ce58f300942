"""A network's features before its last linear layer, and readouts of one's own on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.core.inside import watched
from unfooled.core.target import Model

from .classifier import Classifier


@dataclass(frozen=True)
class Features:
    """What a classifier's last linear layer is given, in place of scores; the classifier itself is left alone.

    Attributes:
        model: The classifier.
        last: That layer; where it is called several times in one pass, the last call counts.
    """

    model: Classifier
    last: nn.Module

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.model.device

    def answer(self, x: Batch) -> Scores:
        """Give the features, (n, d), without gradients."""
        with torch.no_grad():
            return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give the features, (n, d) float32, differentiable as far as the model is.

        Raises:
            ModelError: The layer was not called, or not with one row an example.
        """
        seen = _inputs(self.model, {"": self.last}, x)[-1:]
        if not seen or len(seen[0][1]) != len(x):
            raise ModelError(
                "The model's last linear layer is not asked about every example",
                "no call" if not seen else f"{len(seen[0][1])} rows for {len(x)} examples",
                "Leave the diagnosis out: --no-diagnosis.",
            )
        return seen[0][1].flatten(1).float()

    def read(self, outputs: Tensor) -> Scores:
        """See `Model.read`."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """See `Model.describe`."""
        return self.model.describe()


@dataclass(frozen=True)
class Readouts:
    """A classifier of two classes for each example, by a linear readout on shared features.

    Class 1 where <weight, features - origin> > level, else class 0.

    Attributes:
        features: Where the features come from.
        ids: Names of the examples, (n,).
        weight: Of each example's readout, (n, d).
        origin: What is taken off the features first, (n, d): near them, so that float32 loses nothing.
        level: From which on an input belongs to class 1, (n,).
    """

    features: Features
    ids: Tensor
    weight: Tensor
    origin: Tensor
    level: Tensor

    @property
    def device(self) -> torch.device:
        """See `Model.device`."""
        return self.features.device

    def scores(self, features: Tensor, ids: Tensor) -> Tensor:
        """Give scores (r, 2) for features (r, d) of examples with these names (r,)."""
        row = (ids.unsqueeze(1) == self.ids).to(torch.int8).argmax(dim=1)
        beyond = ((features - self.origin[row]) * self.weight[row]).sum(dim=1) - self.level[row]
        return torch.stack([-beyond, beyond], dim=1) / 2

    def answer(self, x: Batch) -> Scores:
        """See `Model.answer`."""
        with torch.no_grad():
            return Scores(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give scores, (n, 2) float32, differentiable as far as the features are."""
        return self.scores(self.features.outputs(x), x.ids)

    def read(self, outputs: Tensor) -> Scores:
        """See `Model.read`."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """See `Model.describe`."""
        return self.features.describe()


def find_features(model: Model, x: Batch) -> Features | None:
    """Find the linear layer that a classifier calls last, by one pass over x; None where there is none to be used.

    Adapters other than `Classifier` hide their layers, and some layers are asked about more or fewer rows than there
    are examples.
    """
    if not isinstance(model, Classifier):
        return None
    linear = {name: part for name, part in model.module.named_modules() if isinstance(part, nn.Linear)}
    with torch.no_grad():
        seen = _inputs(model, linear, x)
    if not seen or len(seen[-1][1]) != len(x):
        return None
    return Features(model, linear[seen[-1][0]])


def _inputs(model: Classifier, parts: Mapping[str, nn.Module], x: Batch) -> list[tuple[str, Tensor]]:
    """Run a classifier and note what some of its layers are given, in the order of their calls."""
    _, calls = watched(lambda: model.outputs(x), parts)
    return [(call.name, call.given) for call in calls if call.given is not None]
