"""Recordings to arrays: untrusted files in, one waveform at the rate that is wanted or an InputError out."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from importlib import import_module
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from unfooled.core.errors import InputError, MissingExtraError

SUFFIXES = frozenset((".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"))
"""File names that end so are taken for recordings, in either case."""

SHORTEST, LONGEST = 0.1, 120.0
"""Seconds: less says nothing, and a gradient through more takes more memory than most machines have."""

_CLIPPED = 0.001
"""Share of samples at either end of the range from which a recording is called clipped."""

_DO = "Save it anew as WAV of 16 bits, or leave it out."


@dataclass(frozen=True)
class Recording:
    """One recording.

    Attributes:
        values: Samples, (t,) float32 in [-1, 1].
        rate: Samples a second.
        done: What was done to it on the way in, such as "mixed to one channel"; empty for nothing.
        clipped: Whether it looks cut off at its loudest places.
    """

    values: np.ndarray
    rate: int
    done: tuple[str, ...] = ()
    clipped: bool = False


def read_recording(path: Path, rate: int | None = None) -> Recording:
    """Read a recording; channels are mixed to one, and another rate is resampled.

    WAV files of whole numbers are read by Python itself, all else by soundfile (`pip install "unfooled[audio]"`).

    Args:
        path: The file.
        rate: Samples a second that are wanted; None for those that it has.

    Raises:
        InputError: It cannot be read, is empty, cut short, silent, not finite, or shorter or longer than is taken.
        MissingExtraError: Its format needs soundfile, which is not installed.
    """
    channels, own = _read(path)
    _check(channels, own, path)
    done = () if channels.shape[1] == 1 else ("mixed to one channel",)
    values = channels.mean(axis=1)
    if not np.abs(values).max() > 0:
        raise InputError("This recording is silent", f"{len(values)} samples of 0 in {path}", "Leave it out.")
    if np.abs(values).max() > 1:
        values, done = values.clip(-1, 1), (*done, "clipped to its range")
    clipped = float((np.abs(values) >= 0.999).mean()) > _CLIPPED
    if rate is not None and rate != own:
        values, done = resampled(values, own, rate), (*done, f"resampled from {own} to {rate} samples a second")
    return Recording(values.astype(np.float32), rate or own, done, clipped)


def resampled(values: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Bring a waveform (t,) to another rate through a filter, inside [-1, 1]."""
    from scipy.signal import resample_poly  # noqa: PLC0415  a fifth of a second that few recordings need

    shared = gcd(rate, wanted)
    return np.asarray(resample_poly(values.astype(np.float64), wanted // shared, rate // shared)).clip(-1, 1)


def _check(channels: np.ndarray, rate: int, path: Path) -> None:
    if not len(channels):
        raise InputError("This recording is empty", path, "Leave it out.")
    seconds = len(channels) / rate
    if not SHORTEST <= seconds <= LONGEST:
        do = "Leave it out." if seconds < SHORTEST else "Cut it into pieces; each is attacked by itself."
        raise InputError(f"Recordings take {SHORTEST:g} to {LONGEST:g} seconds", f"{seconds:,.3g} s in {path}", do)
    if not np.isfinite(channels).all():
        raise InputError(
            "Samples are finite", f"{np.count_nonzero(~np.isfinite(channels))} that are not in {path}", _DO
        )


def _read(path: Path) -> tuple[np.ndarray, int]:
    """Give samples (t, channels) and their rate."""
    if not path.is_file():
        raise InputError("There is no such recording", path, "Name a file, or a folder of recordings.")
    if path.suffix.lower() == ".wav":
        try:
            return _wav(path)
        except (wave.Error, EOFError):  # floats, or companded: soundfile may know them
            pass
    soundfile: Any = _soundfile(path)
    try:
        expected = soundfile.info(str(path)).frames
        if 0 < expected > LONGEST * soundfile.info(str(path)).samplerate:
            return np.broadcast_to(np.float32(0), (expected, 1)), soundfile.info(str(path)).samplerate
        values, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, OSError, TypeError) as error:
        raise InputError("This recording cannot be read", f"{path}: {error}", _DO) from error
    _whole(len(values), expected, path)
    return np.asarray(values), int(rate)


def _wav(path: Path) -> tuple[np.ndarray, int]:
    """Read a WAV file of whole numbers.

    Raises:
        wave.Error: It holds something else.
    """
    with wave.open(str(path), "rb") as file:
        width, count, frames, rate = file.getsampwidth(), file.getnchannels(), file.getnframes(), file.getframerate()
        if frames > LONGEST * max(1, rate):  # refused for its length without being read
            return np.broadcast_to(np.float32(0), (frames, 1)), max(1, rate)
        held = file.readframes(frames)
    _whole(len(held) // (width * count), frames, path)
    if not held or not rate:
        return np.zeros((0, 1), np.float32), max(1, rate)
    if width == 1:
        whole = np.frombuffer(held, np.uint8).astype(np.float64) - 128
    elif width == 3:
        padded = np.zeros((len(held) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(held, np.uint8).reshape(-1, 3)
        whole = padded.view("<i4").ravel().astype(np.float64) / 256
    else:
        whole = np.frombuffer(held, f"<i{width}").astype(np.float64)
    return (whole / 2.0 ** (8 * width - 1)).reshape(-1, count), rate


def _whole(found: int, expected: int, path: Path) -> None:
    if found < expected:
        raise InputError("This recording is cut short", f"{found:,} of {expected:,} samples in {path}", _DO)


def _soundfile(path: Path) -> Any:
    try:
        return import_module("soundfile")
    except (ImportError, OSError) as error:  # OSError: the library that it brings does not load
        raise MissingExtraError(
            "Recordings of this format are read by soundfile", path, 'Run: pip install "unfooled[audio]", or save it '
            "as WAV of 16 bits."
        ) from error  # fmt: skip
