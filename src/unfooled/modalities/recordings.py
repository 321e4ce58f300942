"""Recordings on disk: one, a folder of them, or a table, with what is said in them or without."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError
from unfooled.core.transcripts import UNHEARD, label_of, normalised

from .hearing import SUFFIXES, Recording, read_recording
from .labels import numbered
from .wav import Wav16

_LOOKED_AT = 1000
"""Files of a folder that tell what is in it: folders of a million pictures are not gone through for this."""

_FILES, _TEXTS = ("file", "path", "filename", "audio"), ("text", "transcript", "sentence")


@dataclass(frozen=True)
class Ears:
    """How a model hears.

    Attributes:
        rate: Samples a second that it takes; None where it takes the recordings' own.
        writes: Whether it answers in text.
    """

    rate: int | None = None
    writes: bool = False


@dataclass(frozen=True)
class Recordings:
    """Recordings as they lie on disk, all at one rate.

    Attributes:
        files: Where each lies.
        names: What each is called.
        labels: Class numbers, or numbers of transcripts (`core.transcripts`), (n,) int64.
        load: Gives recording i, (t,) float32.
        carrier: The file that holds them.
        notes: What the user should be told.
    """

    files: tuple[Path, ...]
    names: list[str]
    labels: np.ndarray
    load: Callable[[int], np.ndarray]
    carrier: Wav16
    notes: tuple[str, ...]


def holds_recordings(path: Path) -> bool:
    """Tell whether a path is a recording, a folder with some among its first files, or a table of them."""
    if path.is_dir():
        return any(file.suffix.lower() in SUFFIXES for file in islice(path.rglob("*"), _LOOKED_AT))
    if path.suffix.lower() in (".csv", ".tsv") and path.is_file():
        with path.open("rb") as file:
            header, *rows = file.read(4096).decode("utf-8", errors="replace").splitlines() or [""]
        delimiter = max(",;\t", key=header.count)
        titles = [title.strip().lower() for title in header.lstrip("\ufeff").split(delimiter)]
        column = next((place for place, title in enumerate(titles) if title in _FILES), None)
        first = next(csv.reader(rows[:1], delimiter=delimiter), []) if rows else []
        return column is not None and column < len(first) and Path(first[column].strip()).suffix.lower() in SUFFIXES
    return path.suffix.lower() in SUFFIXES


def open_recordings(path: Path, classes: Sequence[str] | None, ears: Ears) -> Recordings:
    """Open recordings for a model with such ears.

    A model that writes takes a recording, a folder of them at any depth, or a CSV table of `file` and `text`. What is
    said in `NAME.wav` may stand beside it in `NAME.txt`; where it stands nowhere, the model itself is asked. Another
    model takes a folder with one folder a class, or a table of `file` and `label`.

    Raises:
        InputError: There are none, one cannot be read, or their rates differ and the model names none.
        MissingExtraError: One is of a format that soundfile reads, which is not installed.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        files, names, written = _table(path, "text" if ears.writes else "label")
    else:
        files, names, written = _folder(path, ears.writes)
    notes: tuple[str, ...] = ()
    if ears.writes:
        labels = [UNHEARD if text is None else label_of(text) for text in written]
        if unknown := labels.count(UNHEARD):
            notes = (
                f"what is said was not told for {unknown} of {len(labels)} recordings: the model's own text is taken",
            )
    else:
        numbers, notes = numbered([text or "" for text in written], classes, "labels")
        labels = [numbers[text or ""] for text in written]
    first = [read_recording(file, ears.rate) for file in files]
    rates = {one.rate: str(file) for one, file in zip(first, files, strict=True)}
    if len(rates) > 1:
        found = ", ".join(f"{rate} in {file}" for rate, file in sorted(rates.items())[:3])
        raise InputError("All recordings have one sample rate", found, "Resample them, or let the model name its own.")
    held = tuple(one.values for one in first)
    carrier = Wav16(next(iter(rates)))
    return Recordings(files, names, np.array(labels, np.int64), held.__getitem__, carrier, (*notes, *notes_on(first)))


def notes_on(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Say what was done to how many recordings."""
    counted = Counter(note for one in recordings for note in one.done)
    clipped = sum(one.clipped for one in recordings)
    told = [f"{count} of {len(recordings)} recordings were {note}" for note, count in sorted(counted.items())]
    if clipped:
        told.append(
            f"{clipped} of {len(recordings)} recordings are clipped: their loudest samples lie at the range's end"
        )
    return tuple(told)


def _folder(path: Path, writes: bool) -> tuple[tuple[Path, ...], list[str], list[str | None]]:
    root = path if path.is_dir() else path.parent
    found = path.rglob("*") if path.is_dir() else [path]
    files = tuple(sorted(file for file in found if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")))
    if not files:
        raise InputError("There are no recordings", path, f"They end in {' '.join(sorted(SUFFIXES))}.")
    names = [file.relative_to(root).as_posix() for file in files]
    if writes:
        return files, names, [_beside(file) for file in files]
    loose = [name for name in names if "/" not in name]
    if loose:
        do = "Put the recordings of each class into a folder of its own, or list them in a CSV table (file,label)."
        raise InputError("These recordings have no class folders", ", ".join(loose[:3]), do)
    return files, names, [name.partition("/")[0] for name in names]


def _beside(file: Path) -> str | None:
    """Read what is said in a recording from the text file beside it."""
    place = file.with_suffix(".txt")
    if not place.is_file():
        return None
    try:
        return _said(place.read_text(encoding="utf-8-sig"), str(place))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("A transcript is text in UTF-8", f"{place}: {error}", "Mend it, or remove it.") from error


def _table(path: Path, wanted: str) -> tuple[tuple[Path, ...], list[str], list[str | None]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("A table is text in UTF-8", f"{path}: {error}", "Save it as CSV in UTF-8.") from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    titles = [title.strip().lower() for title in rows[0]]
    column = next(place for place, title in enumerate(titles) if title in _FILES)
    known = _TEXTS if wanted == "text" else ("label", "y", "class")
    said = next((place for place, title in enumerate(titles) if title in known), None)
    if said is None and wanted == "label":
        raise InputError("A table needs a column of labels", f"{titles} in {path}", "Name it label.")
    lines = [row for row in rows[1:] if row]
    names = [row[column].strip() for row in lines]
    written: list[str | None] = []
    for number, row in enumerate(lines, start=2):
        held = row[said].strip() if said is not None and said < len(row) else ""
        if wanted == "label" and not held:
            raise InputError("A line needs a file and a label", f"line {number} of {path}", "Fill both fields.")
        written.append((_said(held, f"line {number} of {path}") if wanted == "text" else held) if held else None)
    return tuple(path.parent / name for name in names), names, written


def _said(text: str, where: str) -> str:
    if not normalised(text):
        raise InputError("A transcript has words", f"{text!r:.60} in {where}", "Fill it, or leave it out.")
    return text
