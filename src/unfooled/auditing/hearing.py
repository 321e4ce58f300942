"""What a model that writes adds to an audit: what it hears, goals in words, and the texts that labels stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from unfooled.core.answer import UNREADABLE
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.target import Access, Model, Target
from unfooled.core.threat import Goal, ThreatModel
from unfooled.core.transcripts import UNHEARD, packed, unpacked
from unfooled.core.writing import Worded, Writer, aimed
from unfooled.goals import Misclassify, Misheard, Transcribe
from unfooled.modalities.recordings import Ears
from unfooled.models.prepare import Prepared

from .examples import Examples, read_examples
from .journal import Unit
from .keys import digest, numbered_repeats


def ears_of(model: Model) -> Ears | None:
    """Tell how a model hears; None for one that says nothing of a sample rate."""
    rate = model.describe().get("sample_rate")
    return Ears(rate, isinstance(model, Writer)) if rate is not None else None


def read_heard(model: Model, data: object, *, batch: int, seed: int, device: torch.device) -> Examples:
    """Read labelled data for a model, as `read_examples`.

    The model itself is asked what is said in recordings where nobody told: then an audit asks what makes it hear
    something else.

    Raises:
        InputError: As by `read_examples`; or the model's scores of such a recording cannot be read.
    """
    examples = read_examples(data, classes=model.describe()["classes"], ears=ears_of(model))
    unheard = torch.nonzero(examples.y == UNHEARD).flatten().tolist()
    if not unheard or not isinstance(model, Writer):
        return examples
    y = examples.y.clone()
    for group in examples.groups(unheard):
        target = Target(model, Access.DECISION, len(group), batch=batch, seed=seed, device=device)
        y[group] = target.answer(examples.batch(group, device), torch.arange(len(group), device=device)).labels.cpu()
    if bool((y == UNREADABLE).any()):
        raise InputError("The model hears nothing that can be read", "scores that are not finite", "Tell what is said.")
    digests = [digest(examples.stored(i), int(y[i])) for i in range(len(examples))]
    ids = torch.tensor([int(one, 16) >> 1 for one in digests])
    return replace(examples, y=y, keys=numbered_repeats(digests), ids=ids)


def in_words(threats: Sequence[ThreatModel], model: Model, examples: Examples) -> tuple[ThreatModel, ...]:
    """Put goals into words where the model writes: anything but the label means any other transcript.

    Raises:
        InputError: These are texts and the model hears; a goal is about what a model writes, and this one does not,
            or the other way round; or a phrase cannot be written, or is too long for a recording.
    """
    writes = isinstance(model, Writer)
    if writes and examples.are_texts:
        do = "Give a folder of them, or a CSV of file and text."
        raise InputError("A model that hears is audited on recordings", "texts", do)
    read = [replace(one, goal=Misheard()) if writes and one.goal == Misclassify() else one for one in threats]
    shortest = min(shape[0] for shape in examples.shapes)
    for threat in read:
        if isinstance(threat.goal, Worded) is not writes:
            do = "Write misheard, transcribe:open_the_front_door, without:stop or mute."
            raise InputError(
                f"The goal {threat.goal.name} is not one for this model",
                "a model that writes" if writes else "a model of classes",
                do if writes else "Write misclassify or become:3.",
            )
        if isinstance(threat.goal, Transcribe) and isinstance(model, Writer):
            model.refuse(threat.goal.text, shortest)
    return tuple(read)


def posed(goal: Goal, searched: Prepared, x: Batch, y: torch.Tensor) -> tuple[Goal, Prepared]:
    """Aim a goal in words at the model, and lead the model to each example's phrase; others are left as they are."""
    own, led = aimed(goal, searched.model, x, y)
    return own, searched if led is None else Prepared(led, led)


def with_texts(unit: Unit, labels: np.ndarray) -> Unit:
    """Keep beside some labels the texts that they stand for, so that a run that goes on later knows them."""
    said = packed(labels.tolist())
    return {**unit, "said": said} if len(said) else unit


def learned(unit: Unit) -> Unit:
    """Learn the texts of a unit that may come from a journal."""
    if "said" in unit:
        unpacked(unit["said"])
    return unit
