"""Photographs without labels: a folder of them, with or without folders inside."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError

from .carriers import Png
from .decoding import SUFFIXES
from .pictures import read_picture
from .sources import Source

UNLABELLED = -1


def open_album(path: str | Path) -> Source:
    """Open a photograph, or all photographs of a folder at any depth, as colour pictures of label `UNLABELLED`.

    Raises:
        InputError: There is no such place, or no picture in it.
    """
    place = Path(path)
    if place.is_file():
        return album([place])
    if not place.is_dir():
        raise InputError("There is no such file or folder", str(place), "Name a folder of photographs.")
    files = sorted(file for file in place.rglob("*") if file.is_file() and file.suffix.lower() in SUFFIXES)
    if not files:
        kinds = " ".join(sorted(SUFFIXES))
        raise InputError("There are no pictures", f"none in {place}", f"Pictures are files that end in {kinds}.")
    return album(files)


def album(files: Sequence[Path]) -> Source:
    """Take picture files for an album."""
    labels = np.full(len(files), UNLABELLED, np.int64)
    return Source([file.name for file in files], labels, partial(_coloured, tuple(files)), Png(8))


def _coloured(files: Sequence[Path], i: int) -> np.ndarray:
    picture = read_picture(files[i])
    if picture.dtype != np.uint8:
        raise InputError("Photographs have 8 bits a colour", f"{picture.dtype} in {files[i]}", "Convert it.")
    return np.repeat(picture, 3, axis=0) if len(picture) == 1 else picture
