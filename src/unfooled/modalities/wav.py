"""Recordings in files: WAV of 16 bits and one channel, as every player, phone and speech service takes it."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfooled.core.errors import InputError

from .files import ending

LEVELS = 32768
"""Steps between 0 and 1; the highest sample that 16 bits hold is one step below 1."""
RATE = 16_000


@dataclass(frozen=True)
class Wav16:
    """A WAV file of 16 bits a sample and one channel, `wav16`.

    Attributes:
        rate: Samples a second; where it is not 16,000, the name tells it: `wav16@8000`.
    """

    rate: int = RATE

    def __str__(self) -> str:
        return "wav16" if self.rate == RATE else f"wav16@{self.rate}"

    @property
    def levels(self) -> int:
        """Steps between 0 and 1: 32768."""
        return LEVELS

    @property
    def high(self) -> float:
        """Highest sample that it holds, exactly."""
        return (LEVELS - 1) / LEVELS

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Round to the nearest level, (t,) int16; what lies outside goes to the nearer end.

        Raises:
            InputError: A value is NaN or infinite, or this is no waveform.
        """
        if values.ndim != 1 or not np.isfinite(values).all():
            raise InputError(
                "A WAV file holds the finite samples of one waveform (t,)",
                f"shape {values.shape}, {np.count_nonzero(~np.isfinite(values))} NaN or infinite values",
                "Look for a division by zero in what made them, or use the carrier float32.",
            )
        return np.rint(values.astype(np.float64) * LEVELS).clip(-LEVELS, LEVELS - 1).astype(np.int16)

    def unpack(self, stored: np.ndarray) -> np.ndarray:
        """Divide by the levels: float32 in [-1, 1), the bits that the model gets."""
        return stored.astype(np.float32) / np.float32(LEVELS)

    def write(self, path: Path, stored: np.ndarray) -> Path:
        """Write a real WAV file, (t,) int16; returns its path, with `.wav` added if need be."""
        path = ending(path, ".wav")
        path.write_bytes(wav_bytes(stored, self.rate))
        return path

    def read(self, path: Path) -> np.ndarray:
        """Read a WAV file back, (t,) int16.

        Raises:
            InputError: It cannot be read, or is of another rate or form.
        """
        return read_samples(path, self.rate)


def read_samples(path: Path, rate: int | None = None) -> np.ndarray:
    """Read the samples of a WAV file of 16 bits and one channel, (t,) int16; None for a file of any rate.

    Raises:
        InputError: It cannot be read, or holds something else.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, own = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise InputError("This WAV file cannot be read", f"{path}: {error}", "Write it anew.") from error
    if (width, channels) != (2, 1) or rate not in (None, own):
        found = f"{8 * width} bits, {channels} channels, {own} samples a second"
        raise InputError(f"{path} is no WAV file of the kind that was written", found, "Write it anew.")
    return np.frombuffer(frames, "<i2").astype(np.int16)


def wav_bytes(stored: np.ndarray, rate: int) -> bytes:
    """Give the bytes of a WAV file of samples (t,) int16."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(stored.astype("<i2").tobytes())
    return held.getvalue()
