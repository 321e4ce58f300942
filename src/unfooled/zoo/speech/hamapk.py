"""Reader of hama's weights: named tensors in a plain file, without code of any kind."""

from __future__ import annotations

import struct

import torch
from torch import Tensor

from unfooled.core.errors import InputError

_MAGIC, _ALIGNED = b"HAMAPK\x01\x02", 16
_DTYPES = {0: torch.float32, 1: torch.float16}


def read_hamapk(content: bytes) -> dict[str, Tensor]:
    """Read named tensors, as float32.

    The file: its magic, the number of tensors (u32); of each the name (u16 length), type (u8), rank (u8), sizes (u32
    each), offset and bytes (u64 each); then, from the next multiple of 16 bytes on, the numbers. All little-endian.

    Raises:
        InputError: The content is no such file, or cut short.
    """
    if not content.startswith(_MAGIC):
        raise InputError("This is no file of hama's weights", f"it begins with {content[:8]!r}", _AGAIN)
    try:
        table, home = _table(content)
        return {name: _tensor(content, dtype, sizes, home + at, size) for name, dtype, sizes, at, size in table}
    except (struct.error, ValueError, RuntimeError, KeyError, UnicodeDecodeError) as error:
        raise InputError("The file of hama's weights is damaged", f"{len(content)} bytes: {error}", _AGAIN) from error


_AGAIN = "Install hama==1.7.0 again."
_Entry = tuple[str, int, tuple[int, ...], int, int]


def _table(content: bytes) -> tuple[list[_Entry], int]:
    """Give the table's entries, and where the numbers begin."""
    (count,), at = struct.unpack_from("<I", content, len(_MAGIC)), len(_MAGIC) + 4
    entries: list[_Entry] = []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", content, at)
        name = content[at + 2 : at + 2 + length].decode()
        dtype, rank = struct.unpack_from("<BB", content, at + 2 + length)
        at += 4 + length
        *sizes, offset, size = struct.unpack_from(f"<{rank}IQQ", content, at)
        at += 4 * rank + 16
        entries.append((name, dtype, tuple(sizes), offset, size))
    return entries, -(-at // _ALIGNED) * _ALIGNED


def _tensor(content: bytes, dtype: int, sizes: tuple[int, ...], at: int, size: int) -> Tensor:
    kind = _DTYPES[dtype]
    flat = torch.frombuffer(bytearray(content[at : at + size]), dtype=kind)
    return flat.reshape(sizes).float()
