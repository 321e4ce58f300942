"""From settings to what is audited: the model with its preprocessing, the examples that were asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unfooled.auditing.door import values_of
from unfooled.auditing.examples import Examples, read_examples
from unfooled.auditing.hearing import ears_of
from unfooled.core.errors import InputError, RunError
from unfooled.core.target import Model
from unfooled.hardening.deployed import defended
from unfooled.modalities.carriers import Png
from unfooled.modalities.sources import Source
from unfooled.models.black_box import BlackBox
from unfooled.models.classifier import Classifier
from unfooled.models.load import load_model
from unfooled.models.preprocess import Preprocess
from unfooled.zoo.photos import photos
from unfooled.zoo.prompts import prompts
from unfooled.zoo.signs.album import album
from unfooled.zoo.speech.recording import recording
from unfooled.zoo.tones import sentences

from .settings import Settings

RECORDED = ("model", "data", "weights", "mean", "std", "size", "crop", "classes", "defence")
"""What a run remembers of where its model and data came from."""


def load_subject(settings: Settings) -> tuple[Model, Examples]:
    """Load the model and the examples that the settings name.

    Raises:
        InputError: Data or settings cannot be used.
        ModelError: The model cannot be loaded.
    """
    model = the_model(settings)
    return model, the_examples(settings, model)


def the_examples(settings: Settings, model: Model) -> Examples:
    """Read the examples that the settings name, for a model."""
    examples = read_examples(the_data(settings.data), classes=model.describe()["classes"], ears=ears_of(model))
    return _sharded(_limited(examples, settings.limit, settings.seed), settings.shard)


def the_model(settings: Settings) -> Model:
    """Load the model alone, on its device, with its preprocessing, its class names and what defends it."""
    model = _bare(settings)
    return model if settings.defence is None else defended(model, settings.defence)


def _bare(settings: Settings) -> Model:
    if settings.threads is not None:
        if settings.threads < 1:
            raise InputError("A run needs at least one thread", settings.threads, "Give --threads 1 or more.")
        torch.set_num_threads(settings.threads)
    _check_device(settings.device)
    model = load_model(settings.model, device=settings.device, weights=settings.weights)
    preprocess = _preprocess(settings)
    names = None if settings.classes is None else read_names(settings.classes)
    if preprocess is None and names is None:
        return model
    if not isinstance(model, Classifier | BlackBox) or (preprocess is not None and model.preprocess is not None):
        raise InputError(
            "This model brings its own preprocessing and class names", settings.model, "Leave those options out."
        )
    return replace(model, preprocess=preprocess or model.preprocess, classes=names or model.classes)


def the_data(spec: str) -> Any:
    """Give what a path, or `zoo:` with photos, signs, prompts, recording or sentences, names, for the door."""
    if spec == "zoo:signs":
        return album()
    if spec == "zoo:prompts":
        return tuple(prompts())
    if spec == "zoo:recording":
        return recording()
    if spec == "zoo:sentences":
        return sentences()
    if spec != "zoo:photos":
        return spec
    found = photos()
    return Source(found.names, found.labels, found.pictures.__getitem__, Png(8))


def read_names(path: str | Path) -> tuple[str, ...]:
    """Read class names, one a line.

    Raises:
        InputError: The file cannot be read, or is empty.
    """
    try:
        names = tuple(Path(path).read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise InputError("The class names cannot be read", f"{path}: {error}", "Give a text file in UTF-8.") from error
    if not names:
        raise InputError("There are no class names", f"an empty file {path}", "Write one name a line.")
    return names


def read_proposals(path: str | Path, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Read adversarial examples made elsewhere: the array `x_adv`, or `x`, of an npz archive.

    Raises:
        InputError: There is no such array, or it is no pictures in [0, 1].
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            (name, *_) = [name for name in ("x_adv", "x") if name in archive.files]
            rows = list(archive[name])
    except Exception as error:  # damaged archives raise a dozen kinds
        do = "Write it with np.savez(path, x_adv=x_adv)."
        raise InputError("The proposals cannot be read", f"{path}: {error}", do) from error
    return [values_of(row, f"proposal {i}") for i, row in enumerate(rows)]


def source_note(settings: Settings) -> dict[str, Any]:
    """Say in plain JSON where model and data came from, so that `unfooled verify` finds them again."""
    return {name: getattr(settings, name) for name in RECORDED} | {"argv": settings.command}


def recorded_settings(run: dict[str, Any], model: str | None, device: str) -> Settings:
    """Build settings again from what a run remembers; `model` names another place of the same model.

    Raises:
        RunError: The run remembers no model, and none is named.
    """
    source = run.get("source") or {}
    spec = model or source.get("model")
    if spec is not None and model is None and spec.startswith("exec:"):
        do = "If you trust it, name it again: --model 'exec:...'."
        raise RunError("This run would start a program of its own choice", spec, do)
    if spec is None:
        raise RunError(
            "This run does not say where its model is", "no `source` in run.json", "Name it: --model module:factory."
        )
    kept = {name: source[name] for name in RECORDED if source.get(name) is not None}
    if model is not None and model != source.get("model"):
        kept.pop("weights", None)
    return Settings.model_validate({"data": "", **kept, "model": spec, "device": device})


def _preprocess(settings: Settings) -> Preprocess | None:
    if all(given is None for given in (settings.mean, settings.std, settings.size, settings.crop)):
        return None
    mean, std = settings.mean or (0.0,), settings.std or (1.0,)
    sides = [side if side is None or len(side) > 1 else side[0] for side in (settings.size, settings.crop)]
    return Preprocess(
        mean[0] if len(mean) == 1 else mean, std[0] if len(std) == 1 else std, size=sides[0], crop=sides[1]
    )


def _check_device(name: str) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0][:200]
        raise InputError("This device cannot be used", f"{name!r}: {first}", "Use --device cpu.") from error


def _limited(examples: Examples, limit: int | None, seed: int) -> Examples:
    """Draw examples by the seed and their contents: the same ones in any order, and more of them for a larger limit."""
    if limit is None or limit >= len(examples):
        return examples
    if limit < 1:
        raise InputError("An audit needs at least one example", f"--limit {limit}", "Give 1 or more.")
    lots = [hashlib.sha256(f"{seed} {key}".encode()).digest() for key in examples.keys]
    drawn = sorted(sorted(range(len(examples)), key=lots.__getitem__)[:limit])
    note = f"{limit:,} of {len(examples):,} examples, drawn with seed {seed}"
    return replace(examples.subset(drawn), notes=(*examples.notes, note))


def _sharded(examples: Examples, shard: str | None) -> Examples:
    if shard is None:
        return examples
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", shard)
    part, parts = (int(number) for number in match.groups()) if match else (0, 0)
    if not 1 <= part <= parts <= len(examples):
        raise InputError(
            f"A shard is one part of several, such as 1/4, of {len(examples)} examples", repr(shard), "Mend --shard."
        )
    note = f"part {part} of {parts} of the examples"
    return replace(examples.subset(range(part - 1, len(examples), parts)), notes=(*examples.notes, note))
