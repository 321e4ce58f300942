"""A torch module that gives class scores, as attacks meet it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from unfooled.core.answer import Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError
from unfooled.core.target import Model

from .preprocess import Preprocess
from .weights import fingerprint, settings_of


@dataclass(frozen=True)
class Classifier:
    """A torch module from pictures, waveforms or code points to class scores; the module itself is left alone.

    Attributes:
        module: Its forward gives scores (n, k): a tensor, a tuple that begins with one, or something with `logits`.
        preprocess: Resizing and normalisation; None where the module takes x as it is.
        classes: Names of the k classes; None where they are not known.
        name: How reports call it.
        takes_lengths: Whether forward is called as (values, lengths): ragged waveforms and texts.
    """

    module: nn.Module
    preprocess: Preprocess | None = None
    classes: tuple[str, ...] | None = None
    name: str = ""
    takes_lengths: bool = False

    @property
    def device(self) -> torch.device:
        """Where the module's weights lie; the CPU if it has none."""
        first = next(chain(self.module.parameters(), self.module.buffers()), None)
        return torch.device("cpu") if first is None else first.device

    def answer(self, x: Batch) -> Scores:
        """Answer as deployed: scores (n, k) float32, without gradients."""
        with torch.no_grad():
            return self.read(self.outputs(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable scores, (n, k) float32; a classifier has no use for `prompt`."""
        return self.forward(x).float()

    def read(self, outputs: Tensor) -> Scores:
        """Read the answer off scores (n, k)."""
        return Scores(outputs)

    def forward(self, x: Batch) -> Tensor:
        """Give what the module gives, in its own shape and dtype.

        Raises:
            ModelError: No tensor can be found in it.
        """
        # a copy: a module that writes into its input must not write into the example
        values = x.values.clone() if self.preprocess is None else self.preprocess(x.values)
        return _unwrapped(self.module(values, x.lengths) if self.takes_lengths else self.module(values))

    def describe(self) -> dict[str, Any]:
        """Say in plain JSON which model this is, its weights by their SHA-256."""
        return {
            "name": self.name,
            "class": type(self.module).__qualname__,
            "parameters": sum(parameter.numel() for parameter in self.module.parameters()),
            "sha256": fingerprint(self.module),
            "settings": settings_of(self.module),
            "preprocess": None if self.preprocess is None else self.preprocess.describe(),
            "classes": None if self.classes is None else list(self.classes),
        }


def wrap(
    model: object,
    preprocess: Preprocess | None = None,
    classes: Sequence[str] | None = None,
    *,
    name: str = "",
    takes_lengths: bool = False,
) -> Model:
    """Make a model that attacks can meet.

    Args:
        model: A torch module from inputs to class scores, or an adapter that keeps `core.target.Model`, which is handed
            back as it is.
        preprocess: What happens to pictures in [0, 1] before the module; None where it takes them as they are.
        classes: Names of its classes, in the order of its scores.
        name: How reports call it; the module's class name if empty.
        takes_lengths: Whether the module is called as (values, lengths).

    Raises:
        ModelError: It is neither, or an adapter was given together with settings meant for a module.
    """
    if is_adapter(model):
        if preprocess is not None or classes is not None or takes_lengths:
            raise ModelError(
                "Preprocessing, class names and lengths belong to the adapter itself",
                f"{type(model).__name__}, which is an adapter already",
                "Set them there, or wrap the torch module instead.",
            )
        return model
    if not isinstance(model, nn.Module):
        raise ModelError("This is not a model that unfooled can meet", _described(model), _advice(model))
    named = None if classes is None else tuple(classes)
    return Classifier(model, preprocess, named, name or type(model).__qualname__, takes_lengths)


def is_adapter(model: object) -> TypeGuard[Model]:
    """Tell whether something is a model as attacks meet it: an object with `answer`, `outputs` and `read`."""
    if isinstance(model, type):
        return False
    return all(callable(getattr(model, method, None)) for method in ("answer", "outputs", "read", "describe"))


def _described(model: object) -> str:
    return f"the class {model.__name__}" if isinstance(model, type) else f"{type(model).__name__} {model!r:.80}"


def _advice(model: object) -> str:
    if isinstance(model, type):
        return f"Give an object of it: {model.__name__}()."
    if isinstance(model, str):
        return "Load it with load_model(...) first."
    if isinstance(model, Mapping):
        return "These look like weights: load them into their module with load_state_dict and give the module."
    return (
        "Give a torch.nn.Module from inputs to class scores, an adapter that keeps unfooled.core.target.Model, or for "
        "texts unfooled.text_model(function from a list of texts to scores)."
    )


def _unwrapped(given: object) -> Tensor:
    """Find the scores in what a forward pass returned: transformers and detection code wrap them."""
    found = given
    if isinstance(given, Mapping):
        found = given.get("logits")
    elif isinstance(given, tuple | list) and given:
        found = given[0]
    elif not isinstance(given, Tensor):
        found = getattr(given, "logits", None)
    if isinstance(found, Tensor):
        return found
    keys = f" with {', '.join(map(str, given))}" if isinstance(given, Mapping) else ""
    raise ModelError(
        "The model's forward pass returned no tensor of scores",
        type(given).__name__ + keys,
        "Return the scores (n, k), a tuple that begins with them, or an object with `logits`.",
    )
