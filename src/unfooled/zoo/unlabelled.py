"""A hundred photos without labels out of the ai-benchmark wheel, read without importing it."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError, MissingExtraError

from .photos import read_photo

UNLABELLED_SHA256 = "47d6327a55b91ec5d252ca80a5315fbf0e2498d70b66a22d5cf8f0f9d220dd1d"
"""Over the names and bytes of all hundred, in order of name."""

_INSTALL = "pip install --no-deps ai-benchmark==0.1.2"


def unlabelled() -> list[np.ndarray]:
    """Read the photos, (3, h, w) uint8 each, in order of file name.

    Raises:
        MissingExtraError: ai-benchmark is not installed.
        InputError: The photos are not the ones that are known.
    """
    found = importlib.util.find_spec("ai_benchmark")
    if found is None or found.origin is None:
        raise MissingExtraError("The photos come with ai-benchmark", "no package ai_benchmark", f"Run: {_INSTALL}")
    paths = sorted((Path(found.origin).parent / "data" / "classification").glob("*.jpg"))
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    if digest.hexdigest() != UNLABELLED_SHA256:
        raise InputError(
            "The photos are not the known ones", f"{len(paths)} files, SHA-256 {digest.hexdigest()}", f"Run: {_INSTALL}"
        )
    return [read_photo(path) for path in paths]
