"""Pictures or recordings without labels, to learn from: whatever lies in a folder, brought to one form."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
from PIL import Image

from unfooled.core.errors import InputError

from . import hearing
from .decoding import SUFFIXES
from .pictures import read_picture
from .recordings import notes_on


def gather(folder: str | Path, most: int, shape: tuple[int, int, int] | None = None) -> list[np.ndarray]:
    """Read pictures of 8 bits at any depth of a folder, in an order drawn by their contents.

    All are brought to one shape, where none is given to that of most of them: grey ones get three equal colours,
    coloured ones become grey where one channel is wanted, others are resized.

    Args:
        folder: Where they lie.
        most: How many to read, 1 or more.
        shape: Channels, height and width, or None.

    Returns:
        Arrays (c, h, w) uint8 of one shape, different ones.

    Raises:
        InputError: There is no such folder, no picture in it, or one cannot be read.
    """
    pictures = [_of_8_bits(read_picture(path)) for path in _drawn(folder, most, SUFFIXES, "pictures")]
    if shape is None:
        (_, *sides), _ = Counter(picture.shape for picture in pictures).most_common(1)[0]
        shape = (max(len(picture) for picture in pictures), sides[0], sides[1])
    return [_shaped(picture, shape[0], shape[1:]) for picture in pictures]


def gather_recordings(folder: str | Path, most: int, rate: int) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Read recordings at any depth of a folder, in an order drawn by their contents.

    Args:
        folder: Where they lie.
        most: How many to read, 1 or more.
        rate: Samples a second to which they are brought.

    Returns:
        Waveforms (t,) float32 in [-1, 1], of different files, and what the user should be told of them.

    Raises:
        InputError: There is no such folder, no recording in it, or one cannot be used.
        MissingExtraError: One is of a format that soundfile reads, which is not installed.
    """
    found = [hearing.read_recording(path, rate) for path in _drawn(folder, most, hearing.SUFFIXES, "recordings")]
    return [one.values for one in found], tuple(f"learned from: {note}" for note in notes_on(found))


def _drawn(folder: str | Path, most: int, suffixes: Collection[str], kind: str) -> list[Path]:
    """Find files of different contents, in an order drawn by these."""
    if not Path(folder).is_dir():
        raise InputError(f"There is no such folder of {kind}", folder, "Name one; class folders are not needed.")
    files = [path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes and path.is_file()]
    lots = {hashlib.sha256(path.read_bytes()).digest(): path for path in sorted(files)}
    if not lots or most < 1:
        raise InputError(f"There are no {kind} to learn from", f"{folder}, at most {most}", "Name a folder of some.")
    return [lots[lot] for lot in sorted(lots)[:most]]


def _of_8_bits(picture: np.ndarray) -> np.ndarray:
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)


def _shaped(picture: np.ndarray, colours: int, sides: tuple[int, int]) -> np.ndarray:
    height, width = sides
    if colours < len(picture):
        picture = np.asarray(Image.fromarray(picture.transpose(1, 2, 0)).convert("L"))[None]
    if picture.shape[1:] != sides:
        picture = np.stack(
            [np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BICUBIC)) for one in picture]
        )
    return np.repeat(picture, colours // len(picture), axis=0)
