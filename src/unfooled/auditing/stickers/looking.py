"""What a model sees on photographs of a printed sticker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unfooled.core.batch import Batch
from unfooled.core.target import Model, Target
from unfooled.modalities.albums import grey, open_album
from unfooled.modalities.sources import Source
from unfooled.models.black_box import most_access
from unfooled.models.ready import check_ready

from .cast import model_of
from .learning import class_named
from .photographs import sees_grey

Named = tuple[str, float | None]

PARTS: dict[str, tuple[float, float, float]] = {
    "the whole picture": (0.0, 0.0, 1.0),
    "its middle": (0.125, 0.125, 0.75),
    "its very middle": (0.25, 0.25, 0.5),
    "upper left": (0.0, 0.0, 0.6),
    "upper right": (0.4, 0.0, 0.6),
    "lower left": (0.0, 0.4, 0.6),
    "lower right": (0.4, 0.4, 0.6),
}
"""Parts of a photograph: left edge, upper edge and side, as shares of its width and height."""

_LIKELIEST = 5


@dataclass(frozen=True)
class Look:
    """One photograph.

    Attributes:
        name: Of the file.
        wanted: The class that the sticker is to be; empty where none was named.
        parts: Each part, with the five likeliest classes and their probabilities, None where only a label is given.
    """

    name: str
    wanted: str
    parts: tuple[tuple[str, tuple[Named, ...]], ...]

    @property
    def sentence(self) -> str:
        """Say what the model saw."""
        (answer, sure), *_ = self.parts[0][1]
        seen = f'{self.name}: "{answer}"' + ("" if sure is None else f" ({sure:.0%} sure)")
        if not self.wanted:
            return seen
        first = sum(top[0][0] == self.wanted for _, top in self.parts)
        five = sum(any(name == self.wanted for name, _ in top) for _, top in self.parts)
        told = f'{seen}; "{self.wanted}" in {first} of {len(self.parts)} parts'
        few = all(len(top) < _LIKELIEST for _, top in self.parts)  # such a target tells all that it knows
        return told if few else f"{told}, among the five likeliest in {five}"

    def as_json(self) -> dict[str, Any]:
        """Give it in plain JSON values."""
        parts = {part: [{"class": name, "probability": sure} for name, sure in top] for part, top in self.parts}
        return {"photo": self.name, "saw": self.parts[0][1][0][0], "wanted": self.wanted or None, "parts": parts}


def look(model: object, photos: Sequence[Path], target: str | int | None = None) -> list[Look]:
    """Ask a model about photographs, each as a whole and in parts.

    Args:
        model: As `load_model` or `wrap` take it.
        photos: Files, or folders of them.
        target: The class that the sticker on them is to be.

    Raises:
        InputError: A photograph cannot be read, or there is no such class.
        ModelError: The model cannot be asked about these photographs.
    """
    looker = model_of(model)
    names, wanted = looker.describe()["classes"], ""
    looks: list[Look] = []
    for place in photos:
        album = open_album(place)
        if sees_grey(looker, _alone(_values(album, 0), looker)):
            album = grey(album)
        for i in range(len(album)):
            values = _values(album, i)
            if not looks:
                classes = check_ready(looker, _alone(values, looker))
                wanted = "" if target is None else _called(class_named(target, names, classes), names)
            looks.append(Look(album.names[i], wanted, tuple(_part(looker, values, part, names) for part in PARTS)))
    return looks


def _values(album: Source, i: int) -> torch.Tensor:
    return torch.from_numpy(album.load(i).astype(np.float32) / 255)


def _part(model: Model, values: torch.Tensor, part: str, names: Sequence[str] | None) -> tuple[str, tuple[Named, ...]]:
    left, top, side = PARTS[part]
    height, width = values.shape[1:]
    y, x = round(top * height), round(left * width)
    cut = values[:, y : y + max(1, round(side * height)), x : x + max(1, round(side * width))]
    asked = _alone(cut, model)
    answer = Target(model, most_access(model), 1, device=model.device).answer(asked, torch.zeros_like(asked.ids))
    if answer.scores is None:
        return part, ((_called(int(answer.labels[0]), names), None),)
    scores = answer.scores[0]
    stated = bool((scores >= 0).all()) and abs(float(scores.sum()) - 1) < 1e-3
    likeliest = (scores if stated else scores.softmax(dim=0)).topk(min(_LIKELIEST, len(scores)))
    named = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    return part, tuple((_called(label, names), sure) for label, sure in named)


def _alone(values: torch.Tensor, model: Model) -> Batch:
    return Batch(values[None].contiguous().to(model.device), torch.zeros(1, dtype=torch.int64, device=model.device))


def _called(label: int, names: Sequence[str] | None) -> str:
    return names[label] if names and 0 <= label < len(names) else f"class {label}"
