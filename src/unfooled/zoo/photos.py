"""Twenty labelled ImageNet photos out of the foolbox wheel, read without importing foolbox."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from unfooled.core.errors import InputError, MissingExtraError

PHOTOS_SHA256 = "d460f36adbc0f49b270c3d5315ee731de44959abc03be60cc647f97922c0cbb6"
"""Over the names and bytes of all twenty, in order of name."""


class Photos(NamedTuple):
    """Labelled photos.

    Attributes:
        pictures: (3, h, w) uint8 each; nineteen are 512 x 512, one is 683 x 1024.
        labels: ImageNet classes, (20,) int64.
        names: File names.
    """

    pictures: list[np.ndarray]
    labels: np.ndarray
    names: list[str]


def photos() -> Photos:
    """Read the twenty photos.

    Raises:
        MissingExtraError: foolbox is not installed.
        InputError: The photos are not the ones that are known.
    """
    paths = _paths()
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    if digest.hexdigest() != PHOTOS_SHA256:
        raise InputError(
            "The photos are not the known ones",
            f"{len(paths)} files, SHA-256 {digest.hexdigest()}",
            "Install foolbox==3.3.4 again.",
        )
    labels = np.array([int(path.stem.rpartition("_")[2]) for path in paths], dtype=np.int64)
    return Photos([read_photo(path) for path in paths], labels, [path.name for path in paths])


def read_photo(path: Path) -> np.ndarray:
    """Read a photo as (3, h, w) uint8."""
    with Image.open(path) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))


def _paths() -> list[Path]:
    found = importlib.util.find_spec("foolbox")  # finds the folder; importing it would need its dependencies
    if found is None or found.origin is None:
        raise MissingExtraError(
            "The photos come with foolbox",
            "no package foolbox",
            'Run: pip install "unfooled[zoo]", or, for the photos alone, pip install --no-deps foolbox==3.3.4',
        )
    return sorted((Path(found.origin).parent / "data").glob("imagenet_*.jpg"))
