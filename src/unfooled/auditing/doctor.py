"""Is this model, with these data, fit for an audit? A list of checks, each with what was found and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from unfooled.core.errors import UnfooledError
from unfooled.core.writing import Writer
from unfooled.models.classifier import wrap

from .examples import Examples, read_examples
from .probes import PROBES
from .probes.patient import Check, Patient, failed, guarded, scores_of

MOST = 64


def examine(
    model: object,
    data: Any,
    *,
    classes: Sequence[str] | None = None,
    batch: int = 16,
    limit: int = MOST,
    device: str | torch.device = "cpu",
) -> list[Check]:
    """Examine a model and its data; what is broken becomes a failed check, never an error.

    Args:
        model: As in `audit`.
        data: As in `audit`.
        classes: Names of the model's classes.
        batch: Rows of a pass.
        limit: Most examples to ask about, from the first.
        device: Where the passes run.

    Raises:
        ModelError: `model` is no model at all.
    """
    adapter = wrap(model)
    if isinstance(adapter, Writer):
        do = "Audit it: `unfooled audit` checks what it needs at the door."
        return [Check("model", "fail", "a model that writes; these checks are for scores of classes", do)]
    try:
        examples = read_examples(data, classes=classes)
        checks = [_data(examples)]
        group = examples.groups(range(len(examples)))[0][:limit]
        x, y = examples.batch(group, device), examples.y[group].to(device)
    except UnfooledError as error:
        return [failed("data", error)]
    try:
        scores = guarded(lambda: scores_of(adapter, x, batch))
    except UnfooledError as error:
        return [*checks, failed("forward pass", error)]
    patient = Patient(adapter, x, y, scores, batch)
    if scores.ndim != 2 or len(scores) != len(x) or scores.shape[1] < 2:
        wanted = f"Return one row of at least two scores an example: ({len(x)}, k)."
        return [*checks, Check("forward pass", "fail", f"scores of shape {tuple(scores.shape)}", wanted)]
    for name, probe in PROBES.items():
        try:
            checks += guarded(lambda probe=probe: probe(patient))  # type: ignore[misc]
        except UnfooledError as error:
            checks.append(failed(name, error))
    return checks


def _data(examples: Examples) -> Check:
    """Describe the data, and tell where they look divided by 255 twice."""
    sample = [examples.stored(i) for i in range(min(len(examples), MOST))]
    values = [examples.carrier.unpack(stored) for stored in sample]
    if examples.are_texts:
        least, most = min(map(len, values)), max(map(len, values))
        found = f"{len(examples)} texts, the first {len(values)} of {least} to {most} characters"
        return Check("data", "ok", found, _noted(examples))
    low, high = min(float(one.min()) for one in values), max(float(one.max()) for one in values)
    shapes = sorted(set(examples.shapes), key=examples.shapes.count, reverse=True)
    found = f"{len(examples)} x {shapes[0]} {sample[0].dtype}, {low:.3g} to {high:.3g}, carried by {examples.carrier}"
    if len(shapes) > 1:
        found = found.replace(f"{len(examples)} x", f"{len(examples)} examples of {len(shapes)} shapes, such as", 1)
    if len(shapes[0]) == 3 and high <= 2 / 255:
        return Check("data", "warn", found, "Nearly black: were they divided by 255 twice?")
    if len(shapes) > max(1, len(examples) // 4):
        return Check("data", "warn", found, "Each shape takes passes of its own: resize the pictures to a few sizes.")
    return Check("data", "ok", found, _noted(examples))


def _noted(examples: Examples) -> str:
    return " ".join(f"{note[0].upper()}{note[1:]}." for note in examples.notes)
