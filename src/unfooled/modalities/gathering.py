"""Pictures without labels, to learn from: whatever lies in a folder, brought to one shape."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from unfooled.core.errors import InputError

from .decoding import SUFFIXES
from .pictures import read_picture


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
    if not Path(folder).is_dir():
        raise InputError("There is no such folder of pictures", folder, "Name one; class folders are not needed.")
    files = [path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    lots = {hashlib.sha256(path.read_bytes()).digest(): path for path in sorted(files)}
    if not lots or most < 1:
        raise InputError("There are no pictures to learn from", f"{folder}, at most {most}", "Name a folder of some.")
    pictures = [_of_8_bits(read_picture(lots[lot])) for lot in sorted(lots)[:most]]
    if shape is None:
        (_, *sides), _ = Counter(picture.shape for picture in pictures).most_common(1)[0]
        shape = (max(len(picture) for picture in pictures), sides[0], sides[1])
    return [_shaped(picture, shape[0], shape[1:]) for picture in pictures]


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
