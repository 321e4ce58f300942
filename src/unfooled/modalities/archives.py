"""Npz archives of examples and labels; nothing is ever unpickled."""

from __future__ import annotations

import warnings
from typing import IO

import numpy as np

from unfooled.core.errors import InputError

from .labels import label_array


def read_archive(file: IO[bytes], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read `x` and `y` from an npz archive.

    Args:
        file: The open file.
        name: What errors call it.

    Returns:
        x, (n, ...), in the machine's byte order; y, (n,) int64.

    Raises:
        InputError: The file is damaged, cut short, of another kind, or holds pickled objects; an array is missing;
            the labels do not fit.
    """
    arrays = _arrays(file, name)
    missing = [key for key in ("x", "y") if key not in arrays]
    if missing:
        raise InputError(
            "An npz archive needs the arrays x and y", f"{sorted(arrays)} in {name}", "np.savez(path, x=x, y=y)."
        )
    x, y = arrays["x"], arrays["y"]
    if x.ndim == 0:
        raise InputError("x needs one entry an example", f"a single value in {name}", "Give x as (n, ...).")
    return x.astype(x.dtype.newbyteorder("="), copy=False), label_array(y, len(x))


def _arrays(file: IO[bytes], name: str) -> dict[str, np.ndarray]:
    """Read the arrays x and y; whatever zipfile and numpy raise over a bad file becomes an InputError that names it.

    Other arrays are named, and left unread: they may be as large as x.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if file.read(2) != b"PK":  # np.load would try other formats, and would speak of pickles
                raise ValueError("not a zip file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {key: np.asarray(archive[key]) if key in ("x", "y") else np.empty(0) for key in archive.files}
    except (
        Exception
    ) as error:  # damaged files raise a dozen kinds: BadZipFile, zlib.error, SyntaxError, MemoryError, ...
        raise InputError(
            "This npz archive cannot be read", f"{name}: {error}", "Write it with np.savez, without objects."
        ) from error
