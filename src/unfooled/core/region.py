"""Region: a mask as a plain value, to say where inputs may change or what outline a sticker has."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from .errors import InputError


@dataclass(frozen=True)
class Region:
    """The values that may change, as a plain value that can be compared and written down.

    Attributes:
        shape: Shape of the mask; it must broadcast to that of one example, such as (h, w) or (c, h, w).
        bits: The mask, packed and compressed.
    """

    shape: tuple[int, ...]
    bits: bytes

    @staticmethod
    def of(mask: np.ndarray | Tensor) -> Region:
        """Make a region from an array; what is not zero may change.

        Raises:
            InputError: Nothing in the mask may change.
        """
        allowed = np.asarray(mask) != 0
        if not allowed.any():
            raise InputError("A region must allow some change", f"an empty mask of shape {allowed.shape}", "Paint it.")
        return Region(tuple(allowed.shape), zlib.compress(np.packbits(allowed).tobytes()))

    @staticmethod
    def from_text(text: str) -> Region:
        """Read what `to_text` wrote."""
        shape, _, bits = text.partition(":")
        return Region(tuple(int(size) for size in shape.split("x")), base64.b64decode(bits))

    def to_text(self) -> str:
        """Write shape and bits as one line of text."""
        return "x".join(map(str, self.shape)) + ":" + base64.b64encode(self.bits).decode()

    def __str__(self) -> str:
        digest = hashlib.sha256(repr((self.shape, self.bits)).encode()).hexdigest()[:8]
        return f"mask-{digest}"

    @cached_property
    def allowed(self) -> np.ndarray:
        """The mask, shaped (*shape,) bool."""
        count = int(np.prod(self.shape))
        flat = np.unpackbits(np.frombuffer(zlib.decompress(self.bits), dtype=np.uint8), count=count)
        return flat.astype(bool).reshape(self.shape)
