"""Labelled data on disk, read when it is asked for: class folders, tables of files or texts, npz archives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import final

import numpy as np

from unfooled.core.errors import InputError

from .archives import read_archive
from .carriers import File, Png, default_carrier
from .decoding import SUFFIXES
from .labels import numbered
from .pictures import picture_form, read_picture
from .recordings import Ears, holds_recordings, open_recordings
from .tables import Row, holds_texts, read_table
from .texts import code_points, read_texts
from .utf8 import Utf8

_SIDECARS = frozenset(("thumbs.db", "desktop.ini", "__macosx"))
_SPLITS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing"))


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Labelled examples that are loaded one at a time.

    Attributes:
        names: What each example is called, usually its path within the source; empty where it has no name.
        labels: Class numbers, (n,) int64.
        load: Gives example i as stored: a picture (c, h, w) of uint8 or uint16, float32 in [0, 1], or (t,).
        carrier: The file that holds such examples exactly.
        notes: What the user should be told of how the data were read.
        ragged: Whether waveforms or texts have lengths of their own, and so are padded for a batch.
    """

    names: list[str]
    labels: np.ndarray
    load: Callable[[int], np.ndarray] = field(repr=False)
    carrier: File
    notes: tuple[str, ...] = ()
    ragged: bool = False

    def __len__(self) -> int:
        return len(self.names)


def open_source(path: str | Path, classes: Sequence[str] | None = None, ears: Ears | None = None) -> Source:
    """Open labelled data on disk.

    Five kinds are known:

    * A folder with one folder a class, whose pictures may lie at any depth. If `classes` holds every folder name,
      the names count; else folder names made of digits are class numbers; else, without `classes`, folders are
      numbered in alphabetical order, as torchvision's ImageFolder does.
    * A CSV table with a header: a column `file` (or `path`, `filename`, `image`) and a column `label` (or `y`,
      `class`), whose labels are read as folder names are. Paths are relative to the table, or absolute.
    * A table of texts: CSV, JSON lines or Parquet, with a column `text` (or `sentence`, `content`) in place of files.
    * An npz archive of `x` (n, c, h, w), (n, h, w) or (n, t), and `y` (n,). Pictures are uint8, uint16, or floats in
      [0, 1]; one-dimensional examples are floats in [-1, 1], or integer code points. Nothing is unpickled.
    * Recordings: see `recordings.open_recordings`.

    Args:
        path: Folder or file.
        classes: Names of the model's classes, in its order.
        ears: How the model hears, where it does.

    Raises:
        InputError: There is no such data, it cannot be read, it is empty, or a label is of no class.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(
                "There is no such file or folder",
                str(path),
                "Name a folder, a recording, or a .csv, .jsonl, .parquet or .npz file.",
            )
        if holds_recordings(path):
            heard = open_recordings(path, classes, ears or Ears())
            return Source(heard.names, heard.labels, heard.load, heard.carrier, heard.notes, ragged=True)
        kind = _folder if path.is_dir() else _KINDS.get(path.suffix.lower())
        if kind is not None:
            return kind(path, classes)
    except OSError as error:
        raise InputError("The data cannot be read", f"{path}: {error.strerror}", "Check path and rights.") from error
    raise InputError(
        "Data come as a folder of class folders or of recordings, a table (.csv, .jsonl, .parquet) or an .npz archive",
        str(path),
        "Bring it into one.",
    )


def array_source(x: np.ndarray, labels: np.ndarray, notes: tuple[str, ...] = ()) -> Source:
    """Take arrays for a source: x (n, ...), labels (n,) int64, checked already."""
    return Source([""] * len(x), labels, x.__getitem__, default_carrier(x.dtype, x.shape[1:]), notes)


def text_source(
    texts: Sequence[str], labels: np.ndarray, names: list[str] | None = None, notes: tuple[str, ...] = ()
) -> Source:
    """Take texts for a source: n texts that are not blank, labels (n,) int64, checked already."""
    called = [""] * len(texts) if names is None else names
    return Source(called, labels, lambda i: code_points(texts[i]), Utf8(), notes, ragged=True)


def _folder(root: Path, classes: Sequence[str] | None) -> Source:
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not _left_behind(entry.name))
    if not folders:
        raise InputError(
            "This folder has no class folders",
            f"{root} with {sum(1 for _ in root.iterdir())} files",
            "Put the pictures of each class into a folder of its own, or list them in a CSV table (file,label).",
        )
    if _SPLITS.issuperset(name.lower() for name in folders):
        raise InputError("These are parts of a data set, not classes", folders, f"Name one: {root / folders[0]}.")
    numbers, notes = numbered(folders, classes, "class folders")
    files = [file for name in folders for file in sorted((root / name).rglob("*")) if _counts(file, root / name)]
    files += [file for file in sorted(root.iterdir()) if _counts(file, root)]
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES and file.parent != root]
    names = [file.relative_to(root).as_posix() for file in pictures]
    labels = [numbers[name.partition("/")[0]] for name in names]
    empty = sorted(set(folders) - {name.partition("/")[0] for name in names})
    if empty:
        notes += (f"class folders without pictures: {', '.join(empty)}",)
    return _pictures(str(root), pictures, names, labels, (*notes, *_skipped(set(files) - set(pictures))))


def _left_behind(name: str) -> bool:
    """Tell whether a name is one that systems leave beside a user's files."""
    return name.startswith(".") or name.lower() in _SIDECARS


def _counts(file: Path, root: Path) -> bool:
    return file.is_file() and not any(_left_behind(part) for part in file.relative_to(root).parts)


def _skipped(files: set[Path]) -> tuple[str, ...]:
    if not files:
        return ()
    kinds = Counter(file.suffix.lower() or "no suffix" for file in files)
    listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return (f"files that are no pictures in a class folder were skipped: {listed}",)


def _table(path: Path, classes: Sequence[str] | None) -> Source:
    data = path.read_bytes()
    if holds_texts(data):
        return _texts(path, classes)
    rows = read_table(data, str(path))
    files = [path.parent / row.content for row in rows]
    for row, file in zip(rows, files, strict=True):
        if not _there(file):
            raise InputError(
                "A file of this table is missing",
                f"line {row.line} of {path}: {row.content[:200]!r}",
                f"Write paths relative to {path.parent}, or absolute ones.",
            )
    labels, notes = _numbered(rows, classes)
    return _pictures(str(path), files, [row.content for row in rows], labels, notes)


def _numbered(rows: list[Row], classes: Sequence[str] | None) -> tuple[list[int], tuple[str, ...]]:
    numbers, notes = numbered([row.label for row in rows], classes, "labels")
    return [numbers[row.label] for row in rows], notes


def _texts(path: Path, classes: Sequence[str] | None) -> Source:
    rows = read_texts(path.read_bytes(), str(path), path.suffix.lower())
    labels, notes = _numbered(rows, classes)
    return text_source([row.content for row in rows], np.array(labels), [f"line {row.line}" for row in rows], notes)


def _there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name too long for the file system
        return False


def _pictures(where: str, files: list[Path], names: list[str], labels: list[int], notes: tuple[str, ...]) -> Source:
    """Make a source of picture files, all of one form; headers alone are read here."""
    if not files:
        kinds = " ".join(sorted(SUFFIXES))
        raise InputError("There are no pictures", f"none in {where}", f"Pictures are files that end in {kinds}.")
    forms = [picture_form(file) for file in files]
    depths = {bits: name for (_, bits), name in zip(forms, names, strict=True)}
    if len(depths) > 1:
        raise InputError(
            "Pictures of 8 and of 16 bits cannot be mixed",
            f"{depths[8]} and {depths[16]} in {where}",
            "Convert them to one depth, so that they share a carrier.",
        )
    grey = sum(channels == 1 for channels, _ in forms)
    coloured = 0 < grey < len(forms)
    if coloured:
        notes += (f"{grey} grey pictures were given three equal channels, since the others are in colour",)
    return Source(names, np.array(labels, np.int64), partial(_load, files, coloured), Png(depths.popitem()[0]), notes)


def _load(files: list[Path], coloured: bool, i: int) -> np.ndarray:
    picture = read_picture(files[i])
    return np.repeat(picture, 3, axis=0) if coloured and picture.shape[0] == 1 else picture


def _archive(path: Path, classes: Sequence[str] | None) -> Source:
    with path.open("rb") as file:
        x, y = read_archive(file, str(path))
    if x.ndim != 3:
        return array_source(x, y)
    return array_source(x[:, None], y, ("pictures (n, h, w) were taken for grey ones, (n, 1, h, w)",))


_KINDS = {".csv": _table, ".tsv": _table, ".jsonl": _texts, ".parquet": _texts, ".npz": _archive}
