"""Reader of CTranslate2's model files: named tensors in a plain file, without code of any kind."""

from __future__ import annotations

import math
import struct

import torch
from torch import Tensor

from unfooled.core.errors import InputError

_VERSION = 6
_DTYPES = {
    0: torch.float32,
    1: torch.int8,
    2: torch.int16,
    3: torch.int32,
    4: torch.float16,
    5: torch.bfloat16,
}


def read_ctranslate2(content: bytes, kind: str) -> dict[str, Tensor]:
    """Read named tensors, in the precision that they are stored in.

    The file: its version (u32), kind and revision (u32), the number of variables (u32); of each the name, rank (u8),
    sizes (u32 each), type (u8), bytes (u32) and numbers; then second names of variables. A text is its length with a
    closing zero (u16), and its bytes. All little-endian.

    Args:
        content: Of the file.
        kind: That it must say it is, such as `WhisperSpec`.

    Raises:
        InputError: The content is no such file, of another kind or version, or cut short.
    """
    try:
        version, at = _number(content, 0, "I")
        found, at = _text(content, at)
        if (version, found) != (_VERSION, kind):
            raise InputError(
                f"This is no {kind} of CTranslate2's version {_VERSION}", f"{found!r} of version {version}", _DO
            )
        return _variables(content, at + 4)  # past the revision
    except (struct.error, ValueError, RuntimeError, LookupError) as error:
        raise InputError("The model file is damaged", f"{len(content)} bytes: {error}", _DO) from error


_DO = "Install the package that brings the file again."


def _variables(content: bytes, at: int) -> dict[str, Tensor]:
    count, at = _number(content, at, "I")
    given: dict[str, Tensor] = {}
    for _ in range(count):
        name, at = _text(content, at)
        rank, at = _number(content, at, "B")
        sizes = struct.unpack_from(f"<{rank}I", content, at)
        dtype, at = _number(content, at + 4 * rank, "B")
        size, at = _number(content, at, "I")
        whole = _DTYPES[dtype].itemsize * math.prod(sizes)
        if size != whole or at + size > len(content):
            raise ValueError(f"{name} holds {size} of {whole} bytes, {len(content) - at} are left")
        given[name] = torch.frombuffer(bytearray(content[at : at + size]), dtype=_DTYPES[dtype]).reshape(sizes)
        at += size
    aliases, at = _number(content, at, "I")
    for _ in range(aliases):
        name, at = _text(content, at)
        same, at = _text(content, at)
        given[name] = given[same]
    return given


def _number(content: bytes, at: int, kind: str) -> tuple[int, int]:
    """Read a number, and give it with where it ends."""
    (number,) = struct.unpack_from(f"<{kind}", content, at)
    return number, at + struct.calcsize(kind)


def _text(content: bytes, at: int) -> tuple[str, int]:
    length, at = _number(content, at, "H")
    if at + length > len(content):
        raise ValueError(f"a text of {length} bytes, {len(content) - at} are left")
    return content[at : at + length - 1].decode(), at + length
