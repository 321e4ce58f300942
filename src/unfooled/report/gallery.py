"""The examples that the page shows: the most striking one, the worst and a fair draw; pictures as PNG in the page."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from operator import itemgetter
from typing import Any

import numpy as np

from unfooled.core.results import ThreatResults
from unfooled.modalities.carriers import carrier_named
from unfooled.modalities.pictures import magnified, png_bytes, ssim
from unfooled.modalities.utf8 import Utf8
from unfooled.modalities.wav import Wav16

from .comparing import Stretch, compared
from .sounds import Sound, sound
from .wording import Threat, class_name

Row = Mapping[str, Any]

MOST = 4  # examples of a kind shown for the only threat, and
MOST_EACH = 2  # for each of several
LONGEST = 256  # pixels of a picture's longer side in the gallery
LONGEST_FIRST = 512  # and in the pair under the headline
ROOM = 7_000_000  # characters for all pictures, so that the page can be mailed


@dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    Attributes:
        src: A data URI.
        width: Pixels shown across.
        height: Pixels shown down.
        stride: 1 where every pixel is shown, 2 where every second one is.
    """

    src: str = field(repr=False)
    width: int
    height: int
    stride: int

    @property
    def small(self) -> bool:
        """Whether the page should enlarge it with hard pixel edges."""
        return max(self.width, self.height) <= 128


@dataclass(frozen=True)
class Exhibit:
    """One example before and after.

    Attributes:
        row: Its row of `RECORDS`.
        threat: The threat that broke it.
        clean: The picture as it was given; None where the example is no picture.
        adversarial: The picture that fools the model.
        difference: What changed, magnified.
        factor: How many times it was magnified.
        ssim: Likeness of the two pictures, 1 for the same.
        text: What changed in a text, or in what was heard; empty where there is none.
        sound: A recording before and after; None where the example is none.
    """

    row: Mapping[str, Any]
    threat: Threat
    clean: Picture | None = None
    adversarial: Picture | None = None
    difference: Picture | None = None
    factor: float = 1.0
    ssim: float = 1.0
    text: tuple[Stretch, ...] = ()
    sound: Sound | None = None

    @property
    def characters(self) -> int:
        """Room that its pictures, its sound or its text take."""
        pictures = sum(len(picture.src) for picture in (self.clean, self.adversarial, self.difference) if picture)
        sounds = self.sound.characters if self.sound else 0
        return pictures + sounds + sum(len(part) for stretch in self.text for part, _ in stretch.parts)


@dataclass(frozen=True)
class Wall:
    """The examples of one threat.

    Attributes:
        threat: The threat.
        fooled: How many examples were read rightly and then broken.
        kept: How many of these were kept.
        worst: Those broken by the smallest change.
        drawn: Some of the others, drawn by a hash of their contents.
    """

    threat: Threat
    fooled: int
    kept: int
    worst: list[Exhibit]
    drawn: list[Exhibit]

    @property
    def labelled(self) -> list[tuple[str, Exhibit]]:
        """All that hangs here, each with how it was chosen."""
        return [("worst", exhibit) for exhibit in self.worst] + [("random", exhibit) for exhibit in self.drawn]


def is_picture(array: np.ndarray) -> bool:
    """Tell whether a stored array is a picture: (c, h, w) of one or three colours, whole numbers or within [0, 1]."""
    if array.ndim != 3 or array.shape[0] not in (1, 3) or array.size == 0:
        return False
    return array.dtype in (np.uint8, np.uint16) or bool(array.min() >= 0 and array.max() <= 1)


def first_picture(found: ThreatResults, threat: Threat) -> Exhibit | None:
    """Choose the most striking pair: most confident before and after; None where no picture or sound was kept."""
    rows = _by_distance(_kept(found))
    if not rows:
        return None
    striking = max(rows, key=lambda row: _number(row["clean_confidence"]) * _number(row["adv_confidence"]))
    shown = _exhibit(striking, threat, found.tensors, LONGEST_FIRST)
    return shown if shown.clean or shown.sound else None


def gallery(found: Mapping[str, ThreatResults], threats: Mapping[str, Threat], room: int = ROOM) -> list[Wall]:
    """Choose examples of each threat, as many as there is room for in characters."""
    kept = {name: _kept(results) for name, results in found.items()}
    fooled = {name: int((results.column("clean_correct") & results.broken).sum()) for name, results in found.items()}
    walls = {name: Wall(threats[name], fooled[name], len(kept[name]), [], []) for name in found}
    # Rank by rank over all threats, so that no threat goes without when there is no room for all.
    for _, kind, name, row in sorted(_chosen(kept), key=itemgetter(0, 1)):
        exhibit = _exhibit(row, threats[name], found[name].tensors, LONGEST)
        if exhibit.characters > room:
            break
        room -= exhibit.characters
        (walls[name].worst, walls[name].drawn)[kind].append(exhibit)
    return list(walls.values())


def _chosen(kept: Mapping[str, list[Row]]) -> Iterator[tuple[int, int, str, Row]]:
    """Give (rank, 0 for the worst or 1 for those drawn, threat, row) of what should be shown."""
    most = MOST if len(kept) == 1 else MOST_EACH
    for name, rows in kept.items():
        ranked = _by_distance(rows)
        drawn = sorted(ranked[most:], key=lambda row: sha256(row["key"].encode()).digest())
        for kind, chosen in enumerate((ranked, drawn)):
            for rank, row in enumerate(chosen[:most]):
                yield rank, kind, name, row


def _kept(found: ThreatResults) -> list[Row]:
    """List the rows that were read rightly, then broken, and of which both arrays were kept."""
    stored = frozenset(found.tensors)  # names alone: asking a run on disk for one would read its array
    return [
        row
        for row in found.table.to_pylist()
        if row["clean_correct"] and row["broken"] and stored.issuperset(_names(row))
    ]


def _names(row: Row) -> tuple[str, str]:
    return f"x/{row['key']}", f"x_adv/{row['threat']}/{row['key']}"


def _by_distance(rows: list[Row]) -> list[Row]:
    # Rounded, so that float noise does not decide between examples on the rim of the set.
    return sorted(rows, key=lambda row: (round(_number(row["distance"]), 6), -_number(row["margin"]), row["key"]))


def _number(value: float | None) -> float:
    """Take an unknown for 0, so that rows can be put in order."""
    return 0.0 if value is None or np.isnan(value) else value


def _exhibit(row: Row, threat: Threat, tensors: Mapping[str, np.ndarray], longest: int) -> Exhibit:
    carrier = carrier_named(threat.settings["carrier"])
    if threat.texts and carrier == Utf8():
        before, after = (tensors[name].tobytes().decode(errors="replace") for name in _names(row))
        return Exhibit(row, threat, text=compared(before, after, whole=threat.family == "words"))
    if isinstance(carrier, Wav16):
        said, heard = (class_name(row[name], threat.classes) for name in ("clean_label", "adv_label"))
        text = compared(said, heard, whole=True) if isinstance(threat.classes, dict) else ()
        x, x_adv = (tensors[name] for name in _names(row))
        return Exhibit(row, threat, text=text, sound=sound(x, x_adv, carrier))
    x, x_adv = (carrier.unpack(tensors[name]) for name in _names(row))
    if not is_picture(x) or x.shape != x_adv.shape:
        return Exhibit(row, threat)
    difference, factor = magnified(x, x_adv)
    clean, adversarial, changed = (as_picture(array, longest) for array in (x, x_adv, difference))
    return Exhibit(row, threat, clean, adversarial, changed, factor, ssim(x, x_adv))


def as_picture(array: np.ndarray, longest: int) -> Picture:
    """Put a picture (c, h, w) into the page, its longer side at most so many pixels."""
    # Pixels are left out, not averaged: averaging would smooth the change away and flatter the model.
    stride = ceil(max(array.shape[1:]) / longest)
    shown = np.ascontiguousarray(array[:, ::stride, ::stride])
    src = "data:image/png;base64," + base64.b64encode(png_bytes(shown)).decode("ascii")
    return Picture(src, shown.shape[2], shown.shape[1], stride)
