"""Hostile files for readers: noise, and sound files that were cut, flipped and spliced."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from unfooled.core.errors import UnfooledError

T = TypeVar("T")

TEN_THOUSAND = settings(
    max_examples=10_000, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
THOUSAND = settings(TEN_THOUSAND, max_examples=1_000)
"""For what is read beside pictures, archives, tables, settings and runs."""


def damaged(files: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    # one number seeds all damage: drawn choice by choice, ten thousand files would take most of a minute
    seeds = st.integers(0, 2**64 - 1)
    return st.builds(lambda file, seed: _damage(file, files, random.Random(seed)), st.sampled_from(files), seeds)


def noise(heads: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(bytes.__add__, st.sampled_from((b"", *heads)), st.binary(max_size=96))


def outcome(read: Callable[[], T]) -> T | None:
    """Run a reader: a value, or None where it refused in our words; anything else it raises fails the test."""
    try:
        return read()
    except UnfooledError as error:
        refusal = error
    assert refusal.wrong
    assert refusal.do
    assert len(str(refusal)) < 2_000
    return None


def _damage(file: bytes, files: Sequence[bytes], draws: random.Random) -> bytes:
    data = bytearray(file)
    for _ in range(draws.randint(1, 4)):
        # lengths, sizes and types stand in the head: half of all damage goes there
        at = draws.randint(0, min(len(data), draws.choice((64, len(data)))))
        match draws.choice(("flip", "flip", "set", "set", "cut", "splice", "drop", "double")):
            case "flip" if at < len(data):
                data[at] ^= 1 << draws.randrange(8)
            case "set" if at < len(data):
                data[at] = draws.choice((0, 1, 0x7F, 0x80, 0xFF, draws.randrange(256)))
            case "cut":
                del data[at:]
            case "splice":
                other = draws.choice(files)
                data[at:] = other[draws.randint(0, len(other)) :]
            case "drop":
                del data[at : at + draws.randint(1, 8)]
            case "double":
                data[at:at] = data[at : at + draws.randint(1, 64)]
    return bytes(data)
