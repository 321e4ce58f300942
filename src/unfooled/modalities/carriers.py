"""The files that bring an adversarial example to its victim: what each can hold, and how it is written."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError, UnfooledError

from .files import ending
from .pictures import png_bytes, read_picture
from .utf8 import Utf8
from .wav import Wav16


@dataclass(frozen=True)
class Png:
    """A PNG picture, grey or (at 8 bits) RGB.

    Attributes:
        bits: Bits a value, 8 or 16; 16 for grey alone, since common readers drop half of 16-bit colour.
    """

    bits: int = 8

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise InputError("A PNG holds 8 or 16 bits a value", repr(self.bits), "Choose Png(8) or Png(16).")

    def __str__(self) -> str:
        return f"png{self.bits}"

    @property
    def levels(self) -> int:
        """Steps between 0 and 1: 255 or 65535."""
        return 255 if self.bits == 8 else 65535

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        """What a value is stored as."""
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def channels(self) -> tuple[int, ...]:
        """Channel counts that the file can hold."""
        return (1, 3) if self.bits == 8 else (1,)

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Round to the nearest level; what lies outside [0, 1] goes to the nearer end.

        Args:
            values: Floats of any shape.

        Raises:
            InputError: A value is NaN or infinite.
        """
        if not np.isfinite(values).all():
            raise InputError(
                "A picture file holds finite values only",
                f"{np.count_nonzero(~np.isfinite(values))} NaN or infinite values",
                "Look for a division by zero or an overflow in what made them.",
            )
        levels = np.float32(self.levels)
        nearest: np.ndarray = np.rint(np.clip(values.astype(np.float32), 0, 1) * levels)
        return nearest.astype(self.dtype)

    def unpack(self, stored: np.ndarray) -> np.ndarray:
        """Divide by the levels: float32 in [0, 1], the bits that the model gets."""
        return stored.astype(np.float32) / np.float32(self.levels)

    def write(self, path: Path, stored: np.ndarray) -> Path:
        """Write a real PNG, (c, h, w); returns its path, with `.png` added if need be.

        Raises:
            InputError: The array is not what `pack` gives, or a PNG of this kind has no room for its channels.
        """
        if stored.ndim != 3 or stored.dtype != self.dtype or stored.shape[0] not in self.channels:
            raise InputError(
                f"{self} holds {np.dtype(self.dtype).name} pictures (c, h, w) of {_either(self.channels)} channels",
                f"{stored.dtype} {stored.shape}",
                "Pack the picture first; for other channel counts use the carrier float32.",
            )
        path = ending(path, ".png")
        path.write_bytes(png_bytes(stored))
        return path

    def read(self, path: Path) -> np.ndarray:
        """Read a PNG back, (c, h, w).

        Raises:
            InputError: The file cannot be read, or holds another number of bits.
        """
        stored = read_picture(path)
        if stored.dtype != self.dtype:
            raise InputError(
                f"{path} is no {self}", f"{stored.dtype} values", "Read it with the carrier that wrote it."
            )
        return stored


@dataclass(frozen=True)
class Float32:
    """A numpy file that holds every float32, and code points: nothing is rounded."""

    def __str__(self) -> str:
        return "float32"

    @property
    def levels(self) -> None:
        """No grid."""
        return

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Return the values themselves."""
        return values

    def unpack(self, stored: np.ndarray) -> np.ndarray:
        """Return the stored values themselves."""
        return stored

    def write(self, path: Path, stored: np.ndarray) -> Path:
        """Write a numpy file; returns its path, with `.npy` added if need be."""
        path = ending(path, ".npy")
        np.save(path, stored, allow_pickle=False)
        return path

    def read(self, path: Path) -> np.ndarray:
        """Read a numpy file back; pickled objects are refused.

        Raises:
            InputError: The file cannot be read as one array of numbers.
        """
        try:
            with warnings.catch_warnings(), path.open("rb") as file:
                warnings.simplefilter("ignore")
                return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        except UnfooledError:
            raise
        except Exception as error:  # a damaged header raises what the parsers inside numpy raise
            raise InputError(
                "This numpy file cannot be read", f"{path}: {error}", "Write it with np.save, without objects."
            ) from error


File = Png | Float32 | Utf8 | Wav16
"""What can hold an example."""

CARRIERS: dict[str, File] = {str(carrier): carrier for carrier in (Png(8), Png(16), Float32(), Utf8(), Wav16())}
"""Every carrier by its name."""


def carrier_named(name: str) -> File:
    """Find a carrier by its name, such as `png8` or `wav16@8000`.

    Raises:
        InputError: There is none of that name.
    """
    kind, at, rate = name.partition("@")
    if kind == str(Wav16()) and at and rate.isdecimal() and len(rate) < 8 and int(rate):
        return Wav16(int(rate))
    if name not in CARRIERS:
        near = get_close_matches(name, CARRIERS, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InputError("No such carrier", repr(name), f"{hint}Choose one of {', '.join(CARRIERS)}.")
    return CARRIERS[name]


def default_carrier(dtype: np.dtype, shape: tuple[int, ...]) -> File:
    """Choose the file that holds an example exactly: png8, png16, or float32 where no PNG does.

    Args:
        dtype: Of the example as given.
        shape: Of the example: (c, h, w) or (t,).
    """
    for carrier in (Png(8), Png(16)):
        if dtype == carrier.dtype and len(shape) == 3 and shape[0] in carrier.channels:
            return carrier
    return Float32()


def holder_of(stored: np.ndarray) -> File:
    """Find the file that holds an example, by the array that a carrier packed.

    Bytes (b,) are a text in UTF-8, whole numbers of 16 bits (t,) a recording, of a sample rate that only a run knows.
    """
    if stored.dtype == np.int16 and stored.ndim == 1:
        return Wav16()
    return Utf8() if stored.dtype == np.uint8 and stored.ndim == 1 else default_carrier(stored.dtype, stored.shape)


def _either(numbers: tuple[int, ...]) -> str:
    return " or ".join(str(number) for number in numbers)
