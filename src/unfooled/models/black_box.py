"""A model that can only be asked: it gives scores or labels, and nobody can differentiate it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unfooled.core.answer import UNREADABLE, Labels, Scores
from unfooled.core.batch import Batch
from unfooled.core.errors import AccessError, ModelError
from unfooled.core.target import Access, Model
from unfooled.core.texts import strings

from .classifier import Classifier
from .preprocess import Preprocess

Ask = Callable[[np.ndarray], np.ndarray]
"""Inputs (r, ...) -> scores (r, k) of floats, or labels (r,) of whole numbers: one row each, in the order asked.

Texts come as an array (r,) of strings."""


def unasked() -> dict[str, int]:
    """Say of a model on this machine that asking it sends nothing anywhere."""
    return {}


@dataclass(frozen=True)
class BlackBox:
    """What `onnx:`, `http:` and `exec:` load, and `text_model` makes.

    Rows at the end of a batch that repeat its first one are the padding of a pass (`Batch.padded`): they are given the
    first one's answer and not asked about, since a question may cost money.

    Attributes:
        ask: Asks the real model.
        access: The most that it tells: SCORES or DECISION.
        name: How reports call it.
        sha256: Of all that decides its answers, as far as it can be seen from here.
        k: Number of its classes; None where only its scores tell.
        classes: Names of its classes; None where they are not known.
        preprocess: Resizing and normalisation before it is asked; None where it takes pictures in [0, 1].
        about: More about it, as plain JSON values and without secrets.
        sent: Says what was sent so far, by name; empty where nothing leaves this process.
        texts: Whether it is asked with strings in place of code points.
        remarks: Says what a reader of the run should know of how it answered.
    """

    ask: Ask
    access: Access
    name: str
    sha256: str
    k: int | None = None
    classes: tuple[str, ...] | None = None
    preprocess: Preprocess | None = None
    about: Mapping[str, Any] | None = None
    sent: Callable[[], dict[str, int]] = unasked
    texts: bool = False
    remarks: Callable[[], list[str]] = list

    @property
    def device(self) -> torch.device:
        """The CPU: inputs leave from there."""
        return torch.device("cpu")

    def answer(self, x: Batch) -> Scores | Labels:
        """Ask for answers.

        Raises:
            ModelError: They are too few, too many, of another shape, or name no class.
        """
        return Labels(self._asked(x)) if self.access is Access.DECISION else Scores(self._asked(x))

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give scores (n, k) float32, which know no gradient.

        Raises:
            AccessError: Gradients are wanted, or it tells labels only.
        """
        if self.access is Access.DECISION or x.values.requires_grad:
            raise AccessError(
                "This model can only be asked, and an attack wants more",
                f"{self.name} gives {'labels' if self.access is Access.DECISION else 'scores without gradients'}",
                "Choose attacks that need no more, such as square (scores) or rays (labels).",
            )
        return self._asked(x)

    def read(self, outputs: Tensor) -> Scores:
        """Read the answer off scores (n, k)."""
        return Scores(outputs)

    def describe(self) -> dict[str, Any]:
        """Say in plain JSON which model this is, and how much it tells at most."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "access": self.access.name.lower(),
            "preprocess": None if self.preprocess is None else self.preprocess.describe(),
            "classes": None if self.classes is None else list(self.classes),
            **(self.about or {}),
        }

    def _asked(self, x: Batch) -> Tensor:
        real = x.distinct()
        asked = x.rows(slice(real))
        answers = self.ask(np.array(strings(asked), dtype=object) if self.texts else self._values(asked))
        self._check(answers, real)
        padded = np.concatenate([answers, np.repeat(answers[:1], len(x) - real, axis=0)])
        kind = np.int64 if self.access is Access.DECISION else np.float32
        return torch.from_numpy(padded.astype(kind)).to(x.values.device)

    def _values(self, x: Batch) -> np.ndarray:
        values = x.values.detach() if self.preprocess is None else self.preprocess(x.values.detach())
        inputs: np.ndarray = values.cpu().numpy()
        return inputs

    def _check(self, answers: np.ndarray, rows: int) -> None:
        dims = 1 if self.access is Access.DECISION else 2
        if answers.ndim != dims or len(answers) != rows:
            wanted = f"({rows},) labels" if dims == 1 else f"({rows}, k) scores"
            raise ModelError(
                "The target's answers do not fit the questions",
                f"shape {answers.shape} for {rows} questions, wanted {wanted}",
                "Check what part of its answer is read, and how many inputs it takes at once (`rows`).",
            )
        k = self.k if self.classes is None else len(self.classes)
        beyond = [] if k is None or dims == 2 else answers[(answers < UNREADABLE) | (answers >= k)].tolist()
        if beyond or (dims == 2 and k not in (None, answers.shape[1])):
            found = f"label {beyond[0]}" if beyond else f"{answers.shape[1]} scores"
            raise ModelError(
                "The target's answers do not fit its classes",
                f"{found}, {k} classes",
                "List its classes in the order of its scores.",
            )


def most_access(model: Model) -> Access:
    """Say how much a model can tell at most: GRADIENT, unless its description names less as `access`.

    Raises:
        ModelError: It names something else.
    """
    if isinstance(model, Classifier):
        return Access.GRADIENT
    told = model.describe().get("access", "gradient")
    known = {access.name.lower(): access for access in Access}
    if told not in known:
        raise ModelError("The model's description names no such access", repr(told), f"Use one of {', '.join(known)}.")
    return known[told]


def check_grant(model: Model, wanted: Access) -> None:
    """Check that a model can give what an attack or a threat wants of it.

    Raises:
        AccessError: It cannot.
    """
    most = most_access(model)
    if wanted > most:
        raise AccessError(
            f"This model can only be asked: it gives no {wanted.name.lower()}",
            f"{most.name.lower()} at most, from {model.describe()['name']}",
            f"Choose attacks that need no more than {most.name.lower()}, and leave access out.",
        )


def scores_or_labels(model: Model, x: Batch) -> Tensor:
    """Ask for scores (n, k); of a model that tells labels only, 1 at the label and 0 elsewhere, NaN without one.

    Raises:
        ModelError: It tells labels only, and not of how many classes.
    """
    if most_access(model) > Access.DECISION:
        return model.outputs(x)
    described = model.describe()
    k = len(described["classes"] or ()) or described.get("k")
    if not k:
        raise ModelError(
            "The model tells labels only, so how many classes there are must be said",
            f"no classes for {described['name']}",
            "Name them, or their number, under `classes`.",
        )
    labels = model.answer(x).labels.unsqueeze(1)
    scores = torch.zeros(len(labels), int(k)).scatter(1, labels.clamp(min=0), 1.0)
    return scores.masked_fill(labels == UNREADABLE, torch.nan)


def sent_note(sent: Mapping[str, int]) -> str:
    """Say in a sentence what was sent: attacks are billed for their own questions alone."""
    text = f"this run sent {sent['questions']:,} questions to the target, clean ones and the referee's among them"
    if sent.get("repeated"):
        text += f", and {sent['repeated']:,} again after failures"
    return text + (f"; {sent['ever']:,} were ever sent" if "ever" in sent else "")
