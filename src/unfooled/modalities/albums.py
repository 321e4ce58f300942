"""Photographs without labels: a folder of them, with or without folders inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError

from .carriers import Png
from .decoding import SUFFIXES
from .pictures import read_picture
from .sources import Source

UNLABELLED = -1
_LUMINANCE = np.array([0.299, 0.587, 0.114])


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


def grey(source: Source) -> Source:
    """Give the same pictures in grey, of one channel; those that are grey already stay as they are.

    Weights are those of ITU-R BT.601, section 2.5.1, as libraries of pictures have them.
    """
    return replace(source, load=partial(_greyed, source.load))


def _greyed(load: Callable[[int], np.ndarray], i: int) -> np.ndarray:
    picture = load(i)
    if picture.ndim != 3 or len(picture) != 3:
        return picture
    mixed = np.tensordot(_LUMINANCE, picture.astype(np.float64), axes=1)[None]
    whole = np.issubdtype(picture.dtype, np.integer)
    return (mixed.round() if whole else mixed).astype(picture.dtype)


def _coloured(files: Sequence[Path], i: int) -> np.ndarray:
    picture = read_picture(files[i])
    if picture.dtype != np.uint8:
        raise InputError("Photographs have 8 bits a colour", f"{picture.dtype} in {files[i]}", "Convert it.")
    return np.repeat(picture, 3, axis=0) if len(picture) == 1 else picture
