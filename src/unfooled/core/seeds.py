"""Counter-based randomness: the same example gets the same draws in any order, shard, batch or resumed run."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_UNIT = np.float32(2.0**-24)
_GUARDED: ContextVar[bool] = ContextVar("guarded", default=False)


@dataclass(frozen=True)
class Draws:
    """A key for random numbers; the counter is (example, tag, draw).

    Drawn on the CPU by Philox and then moved, so the bits do not depend on the device, and from raw words, so
    that they do not depend on the release of numpy.

    Attributes:
        key: What the numbers hang on: the seed, the threat, the attack with its settings.
    """

    key: str

    @staticmethod
    def of(seed: int, *parts: str) -> Draws:
        """Make a key from a seed and what the draws are for."""
        return Draws("\x1f".join((str(seed), *parts)))

    def uniform(self, shape: tuple[int, ...], ids: Tensor, tag: str, draw: int = 0) -> Tensor:
        """Draw from [0, 1): (n, *shape) float32 on the device of `ids` (n,)."""
        count = int(np.prod(shape, dtype=np.int64))
        drawn = np.empty((len(ids), count), dtype=np.float32)
        for row, stream in zip(drawn, self._streams(ids, tag, draw), strict=True):
            row[:] = self._floats(stream, count)
        return torch.from_numpy(drawn.reshape(len(ids), *shape)).to(ids.device)

    def normal(self, shape: tuple[int, ...], ids: Tensor, tag: str, draw: int = 0) -> Tensor:
        """Draw from the standard normal distribution: (n, *shape) float32."""
        count = int(np.prod(shape, dtype=np.int64))
        half = -(-count // 2)
        drawn = np.empty((len(ids), count), dtype=np.float32)
        for row, stream in zip(drawn, self._streams(ids, tag, draw), strict=True):
            u = self._floats(stream, 2 * half).astype(np.float64).reshape(2, half)
            size, turn = np.sqrt(-2.0 * np.log1p(-u[0])), 2.0 * np.pi * u[1]  # Box and Muller
            row[:] = np.concatenate([size * np.cos(turn), size * np.sin(turn)])[:count]
        return torch.from_numpy(drawn.reshape(len(ids), *shape)).to(ids.device)

    def signs(self, shape: tuple[int, ...], ids: Tensor, tag: str, draw: int = 0) -> Tensor:
        """Draw -1 or +1: (n, *shape) float32."""
        return (self.uniform(shape, ids, tag, draw) < 0.5).float() * 2 - 1

    def _streams(self, ids: Tensor, tag: str, draw: int) -> Iterator[np.random.Philox]:
        digest = hashlib.sha256(f"{self.key}\x1e{tag}".encode()).digest()
        key, salt = np.frombuffer(digest[:16], dtype="<u8"), int.from_bytes(digest[16:24], "little")
        for example in ids.tolist():
            counter = np.array([0, draw, salt, example % 2**64], dtype=np.uint64)
            yield np.random.Philox(counter=counter, key=key)

    @staticmethod
    def _floats(stream: np.random.Philox, count: int) -> np.ndarray:
        words = stream.random_raw(-(-count // 2)).astype("<u8").view("<u4")
        return (words[:count] >> np.uint32(8)).astype(np.float32) * _UNIT


@contextmanager
def untouched(device: torch.device) -> Iterator[None]:
    """Leave the caller's random state as it was, and let nobody inside do so again at each `reseeded` call.

    To save and restore numpy's takes as long as a pass of a small model: a search does it once, not at each pass.
    """
    with _restored(device):
        guarded = _GUARDED.set(True)
        try:
            yield
        finally:
            _GUARDED.reset(guarded)


@contextmanager
def reseeded(seed: int, device: torch.device) -> Iterator[None]:
    """Run with fresh random state of torch, numpy and random, and put the caller's back unless it is `untouched`."""
    with nullcontext() if _GUARDED.get() else _restored(device):
        # not torch.manual_seed: it also notes a seed and a stack trace for devices that were never used, at each call
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        yield


@contextmanager
def _restored(device: torch.device) -> Iterator[None]:
    of_random, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    of_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        yield
    finally:
        random.setstate(of_random)
        np.random.set_state(of_numpy)
        torch.set_rng_state(of_torch)
        if of_device is not None:
            torch.cuda.set_rng_state(of_device, device)
