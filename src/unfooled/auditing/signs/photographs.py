"""What a model reads on photographs of a real sign: in crops around it, as a detector might cut them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unfooled.auditing.stickers.cast import model_of
from unfooled.auditing.stickers.learning import class_named
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.target import Model
from unfooled.crafting.altered_sign import AlteredSign
from unfooled.modalities.albums import open_album
from unfooled.models.ready import check_ready
from unfooled.scenes.lens import SEEN

OUTLINES = "outlines.json"
"""Where corners are looked for, beside the photographs."""

Corners = Mapping[str, Tensor]

_LOOSE = (1.0, 1.12, 1.25, 1.4)
_SHIFTS = ((0.0, 0.0), (0.06, 0.0), (-0.06, 0.0), (0.0, 0.06), (0.0, -0.06))


@dataclass(frozen=True)
class SignLook:
    """One photograph.

    Attributes:
        name: Of the file.
        read: Each answer and in how many crops it was given, most frequent first.
        wanted: The class that the sign is to be read as; empty where none was named.
    """

    name: str
    read: tuple[tuple[str, int], ...]
    wanted: str

    @property
    def sentence(self) -> str:
        """Say what the model read."""
        crops = sum(count for _, count in self.read)
        return f"{self.name}: " + ", ".join(f'"{label}" in {count} of {crops} crops' for label, count in self.read)

    def as_json(self) -> dict[str, Any]:
        """Give it in plain JSON values."""
        return {"photo": self.name, "read": dict(self.read), "wanted": self.wanted or None}


def look_at_signs(
    model: object,
    photos: Sequence[Path],
    outlines: Path | None = None,
    target: str | int | None = None,
    tape: AlteredSign | None = None,
) -> list[SignLook]:
    """Ask a model about the sign in each photograph, cut out more or less tightly.

    Args:
        model: As `load_model` or `wrap` take it.
        photos: Files, or folders of them.
        outlines: A JSON file: name of the photograph -> the sign's upper left, upper right, lower right and lower left
            corner, [[x, y], ...] in pixels; of a sign without corners, those of the square around it. None for
            `outlines.json` beside each photograph.
        target: The class that the sign is to be read as.
        tape: What is laid on the sign in each photograph before; None for nothing.

    Raises:
        InputError: A photograph cannot be read or has no outline, or there is no such class.
    """
    looker, looks, wanted = model_of(model), [], ""
    names = looker.describe()["classes"]
    for place in photos:
        album = open_album(place)
        corners = read_outlines(outlines or (place if place.is_dir() else place.parent) / OUTLINES, album.names)
        for i, name in enumerate(album.names):
            values = torch.from_numpy(album.load(i).astype(np.float32) / 255)
            x = crops(values if tape is None else tape.paste(values, corners[name]), corners[name])
            if target is not None and not wanted:
                wanted = _called(class_named(target, names, check_ready(looker, x.rows(slice(1)))), names)
            counted = Counter(_called(int(label), names) for label in _answers(looker, x))
            looks.append(SignLook(name, tuple(counted.most_common()), wanted))
    return looks


def read_outlines(place: Path, names: Sequence[str]) -> Corners:
    """Read the corners of signs in photographs, (4, 2) float64 each.

    Raises:
        InputError: There is no such file, or it lacks a photograph, or has no four corners that form a convex outline.
    """
    do = 'Write {"photo.jpg": [[x, y], [x, y], [x, y], [x, y]]}: upper left, upper right, lower right, lower left.'
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        found = {name: torch.tensor(told[name], dtype=torch.float64) for name in names}
    except OSError as error:
        raise InputError("These photographs have no outline of the sign", f"no file {place}", do) from error
    except KeyError as error:
        raise InputError("This photograph has no outline of the sign", f"{error} is not in {place}", do) from error
    except (ValueError, TypeError) as error:
        raise InputError("Outlines cannot be read", f"{place}: {error}", do) from error
    for name, one in found.items():
        if one.shape != (4, 2) or not _convex(one):
            raise InputError("An outline is four corners, clockwise", f"{one.tolist()} of {name}", do)
    return found


def crops(photo: Tensor, corners: Tensor) -> Batch:
    """Cut the sign out of a photograph (3, h, w), tightly and loosely, a little off: (n, 3, 32, 32)."""
    low, high = corners.amin(dim=0), corners.amax(dim=0)
    middle, half = (low + high) / 2, (high - low).max() / 2
    cut = []
    for loose in _LOOSE:
        for shift in _SHIFTS:
            centre, far = middle + half * torch.tensor(shift), float(half) * loose
            left, top = (round(float(one) - far) for one in centre)
            cut.append(_square(photo, left, top, max(2, round(2 * far))))
    return Batch(torch.cat(cut), torch.arange(len(cut)))


def _square(photo: Tensor, left: int, top: int, side: int) -> Tensor:
    """Cut a square out, edges repeated where it reaches beyond, and resize it, (1, 3, 32, 32)."""
    rows = (top + torch.arange(side)).clamp(0, photo.shape[1] - 1)
    columns = (left + torch.arange(side)).clamp(0, photo.shape[2] - 1)
    cut = photo[:, rows][:, :, columns][None]
    shrunk: Tensor = torch.nn.functional.interpolate(
        cut, (SEEN, SEEN), mode="bilinear", align_corners=False, antialias=True
    )
    return shrunk


def _answers(model: Model, x: Batch) -> list[int]:
    labels: list[int] = model.answer(Batch(x.values.to(model.device), x.ids.to(model.device))).labels.tolist()
    return labels


def _convex(corners: Tensor) -> bool:
    """Tell whether corners go round clockwise, as seen with y down."""
    along = corners.roll(-1, 0) - corners
    after = along.roll(-1, 0)
    return bool((along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0] > 0).all())


def _called(label: int, names: Sequence[str] | None) -> str:
    return names[label] if names and 0 <= label < len(names) else f"class {label}"
