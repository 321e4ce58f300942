"""Texts in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError

from .files import ending


@dataclass(frozen=True)
class Utf8:
    """A text file in UTF-8 that holds one text and nothing else: no byte order mark, no line end of its own."""

    def __str__(self) -> str:
        return "utf8"

    @property
    def levels(self) -> None:
        """No grid."""
        return

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Write code points (t,) as bytes (b,) uint8.

        Raises:
            InputError: One of them is half of a surrogate pair, which is no character.
        """
        try:
            text = values.astype("<u4").tobytes().decode("utf-32-le")
        except UnicodeDecodeError as error:
            raise InputError(
                "A text file holds characters", f"code point {int(values[error.start // 4]):#x}", "Use carrier float32."
            ) from error
        return np.frombuffer(text.encode(), np.uint8)

    def unpack(self, stored: np.ndarray) -> np.ndarray:
        """Read bytes (b,) back into code points (t,) int64.

        Raises:
            InputError: They are not UTF-8.
        """
        try:
            text = stored.tobytes().decode()
        except UnicodeDecodeError as error:
            raise InputError("A text is stored in UTF-8", str(error), "Write it with the carrier utf8.") from error
        return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.int64)

    def write(self, path: Path, stored: np.ndarray) -> Path:
        """Write a real text file; returns its path, with `.txt` added if need be."""
        path = ending(path, ".txt")
        path.write_bytes(stored.tobytes())
        return path

    def read(self, path: Path) -> np.ndarray:
        """Read a text file back, (b,) uint8.

        Raises:
            InputError: The file cannot be read.
        """
        try:
            return np.frombuffer(path.read_bytes(), np.uint8)
        except OSError as error:
            raise InputError("This text file cannot be read", f"{path}: {error.strerror}", "Check its path.") from error
