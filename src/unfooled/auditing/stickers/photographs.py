"""The photographs that a sticker is learned from and tried on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unfooled.auditing.examples import Examples, check_labels, read_examples
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, UnfooledError
from unfooled.core.target import Model
from unfooled.modalities.albums import UNLABELLED, grey, open_album
from unfooled.modalities.carriers import Png
from unfooled.modalities.sources import Source, open_source
from unfooled.models.classifier import Classifier
from unfooled.zoo.photos import photos
from unfooled.zoo.unlabelled import unlabelled

_TABLES = (".csv", ".tsv", ".npz")


class Photographs(NamedTuple):
    """Photographs with what a model says of them.

    Attributes:
        examples: The photographs.
        answers: What the model answers to each, (n,) int64.
        y: Their labels, and the answer where there is none, (n,) int64.
        right: How many it reads right; None where there are no labels.
        left_out: Those that show the target already, or that the model takes for it.
    """

    examples: Examples
    answers: Tensor
    y: Tensor
    right: int | None
    left_out: int


def read_photographs(
    data: Any, classes: Sequence[str] | None, *, labelled: bool, model: Model | None = None
) -> Examples:
    """Read photographs; those of files turn grey for a model that takes one channel alone.

    Args:
        data: `zoo:photos`, `zoo:unlabelled`, a path, or what `read_examples` takes. Of a folder of class folders or a
            table the labels count where `labelled`.
        classes: Names of the model's classes.
        labelled: Whether labels are wanted.
        model: Who is to see them; None to leave their colours as they are.

    Raises:
        InputError: There are none, or they are no pictures.
    """
    source = _source(data, classes, labelled)
    examples = read_examples(source)
    if model is not None and isinstance(source, Source) and sees_grey(model, examples.batch([0], model.device)):
        examples = read_examples(grey(source))
    if len(examples.shapes[0]) != 3:
        raise InputError("A sticker is laid into pictures", f"shape {examples.shapes[0]}", "Give pictures (c, h, w).")
    return examples


def sees_grey(model: Model, x: Batch) -> bool:
    """Tell whether a torch model takes pictures of one channel and none of three, such as x (n, 3, h, w)."""
    if not isinstance(model, Classifier) or x.values.ndim != 4 or x.values.shape[1] != 3:
        return False
    if any(part.training for part in model.module.modules()):  # asking would change it; it is refused later
        return False
    return not _takes(model, x) and _takes(model, x.holding(x.values[:, :1]))


def _takes(model: Model, x: Batch) -> bool:
    try:
        model.answer(x)
    except (RuntimeError, ValueError, IndexError, AssertionError, UnfooledError):
        return False
    return True


def _source(data: Any, classes: Sequence[str] | None, labelled: bool) -> Any:
    if data == "zoo:photos":
        found = photos()
        return Source(found.names, found.labels, found.pictures.__getitem__, Png(8))
    if data == "zoo:unlabelled":
        pictures = unlabelled()
        unknown = torch.full((len(pictures),), UNLABELLED).numpy()
        return Source([f"photo {i}" for i in range(len(pictures))], unknown, pictures.__getitem__, Png(8))
    if not isinstance(data, str | os.PathLike):
        return data
    place = Path(data)
    sorted_ = place.suffix.lower() in _TABLES or (place.is_dir() and any(one.is_dir() for one in place.iterdir()))
    return open_source(place, classes) if labelled and sorted_ else open_album(place)


def seen_by(model: Model, examples: Examples, target: int | None, classes: int, batch: int) -> Photographs:
    """Ask a model about photographs without a sticker, and leave out those that are the target already.

    Raises:
        InputError: It reads none of those with labels right, or none is left.
    """
    answers = torch.full((len(examples),), UNLABELLED)
    for group in examples.groups(range(len(examples))):
        for start in range(0, len(group), batch):
            rows = group[start : start + batch]
            x = examples.batch(rows, model.device).padded(batch)
            answers[rows] = model.answer(x).labels[: len(rows)].cpu()
    known = examples.y != UNLABELLED
    if bool(known.any()):
        check_labels(examples.y[known], classes)
    right = int((answers == examples.y).sum()) if bool(known.all()) else None
    if right == 0:
        raise InputError(
            "The model reads none of these photographs right",
            f"0 of {len(examples)}",
            "Check its class names and preprocessing (--mean, --std, --size), or give other photographs.",
        )
    y = torch.where(known, examples.y, answers)
    keep = torch.arange(len(examples)) if target is None else ((y != target) & (answers != target)).nonzero().flatten()
    if not len(keep):
        raise InputError("No photograph is left", "all show the target already", "Give photographs of other things.")
    kept = examples.subset(keep.tolist())
    return Photographs(kept, answers[keep], y[keep], right, len(examples) - len(kept))


def fitted(model: Model, values: Tensor) -> Tensor:
    """Bring pictures (n, c, h, w) in [0, 1] to the size that a model takes, still in [0, 1]."""
    if not isinstance(model, Classifier) or model.preprocess is None:
        return values
    return replace(model.preprocess, mean=0.0, std=1.0)(values).clamp(0, 1)


class Lesson(NamedTuple):
    """What models learn a sticker from.

    Attributes:
        train: Photographs, as the model with the largest pictures takes them, (n, c, h, w).
        y: Their labels, (n,); they count under untargeted goals alone.
        sizes: Height and width of the pictures that each model takes.
    """

    train: Batch
    y: Tensor
    sizes: tuple[tuple[int, int], ...]


def lesson(models: Sequence[Model], known: Photographs) -> Lesson:
    """Bring photographs to the size of the model that takes the largest.

    Raises:
        InputError: The photographs have several sizes, and a model does not say which it takes.
    """
    album = known.examples
    sizes = [{_size(model, shape) for shape in set(album.shapes)} for model in models]
    if any(len(size) > 1 for size in sizes):
        raise InputError(
            "Photographs of several sizes, and a model that takes them as they are",
            f"{len(set(album.shapes))} sizes",
            "Say how it resizes them: --size 224, or unfooled.Preprocess(size=224).",
        )
    own = tuple(size.pop() for size in sizes)
    largest = models[max(range(len(own)), key=lambda i: own[i][0] * own[i][1])]
    values = torch.cat([fitted(largest, album.batch([i]).values) for i in range(len(album))])
    return Lesson(Batch(values, album.ids), known.y, own)


def _size(model: Model, shape: tuple[int, ...]) -> tuple[int, int]:
    height, width = fitted(model, torch.zeros(1, *shape)).shape[2:]
    return height, width
