"""Byte pairs: texts cut into tokens by a table of ranks, and put together again."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from heapq import heapify, heappop, heappush
from itertools import groupby

from unfooled.core.tokens import Tokens

_SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
"""White space of Unicode; `\\s` of Python has four control characters more."""


@dataclass(frozen=True)
class BytePairs:
    """Cuts texts into pieces by a pattern, and each piece into tokens.

    Attributes:
        ranks: Number of each token by its bytes; pairs are joined in their order.
        pattern: Of a piece; every character of a text is part of one.
        known: Pieces met before.

    Reference:
        Sennrich, Haddow and Birch. Neural machine translation of rare words with subword units. ACL 2016.
        https://arxiv.org/abs/1508.07909, section 3.2.
        Differs from the paper: it begins with bytes, not characters, and with pieces that a pattern finds.
    """

    ranks: dict[bytes, int] = field(repr=False)
    pattern: re.Pattern[str]
    known: dict[str, list[bytes]] = field(default_factory=dict, repr=False)

    def cut(self, text: str) -> Tokens:
        """Cut a text into tokens; each knows the characters that its bytes belong to."""
        numbers: list[int] = []
        spans: list[tuple[int, int]] = []
        for match in self.pattern.finditer(text):
            owners = [match.start() + i for i, one in enumerate(match[0]) for _ in _bytes(one)]
            at = 0
            for token in self._tokens(match[0]):
                numbers.append(self.ranks[token])
                spans.append((owners[at], owners[at + len(token) - 1] + 1))
                at += len(token)
        return Tokens(numbers, spans)

    def text(self, numbers: Sequence[int]) -> str:
        """Put tokens together again; unknown ones write nothing."""
        return b"".join(self._bytes_of.get(number, b"") for number in numbers).decode("utf-8", errors="replace")

    @cached_property
    def _bytes_of(self) -> dict[int, bytes]:
        return {number: token for token, number in self.ranks.items()}

    def _tokens(self, piece: str) -> list[bytes]:
        found = self.known.get(piece)
        if found is None:
            found = _joined(_bytes(piece), self.ranks)
            if len(piece) <= 32 and len(self.known) < 2**16:
                self.known[piece] = found
        return found


def letters_and_numbers() -> tuple[str, str, str]:
    """Write what Unicode calls letters, numbers and white space as the insides of character classes of `re`."""
    return _class("L"), _class("N"), _SPACE


def unprinted(token: str) -> bytes:
    """Read the bytes of a token as GPT-2 prints them: one that has no sign of its own gets one from U+0100 on."""
    return bytes(_signs()[sign] for sign in token)


@cache
def _signs() -> dict[str, int]:
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (byte for byte in range(256) if byte not in own)
    return {chr(byte): byte for byte in own} | {chr(256 + place): byte for place, byte in enumerate(others)}


@cache
def _class(kind: str) -> str:
    points = (point for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point))[0] == kind)
    runs = ([point for _, point in run] for _, run in groupby(enumerate(points), lambda pair: pair[1] - pair[0]))
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _joined(piece: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """Join neighbours, the pair of the lowest rank first, and of several such pairs the first."""
    if piece in ranks:
        return [piece]
    size = len(piece)
    ends = list(range(1, size + 1))  # where the part that begins here ends; 0 where none begins any more
    begins = list(range(-1, size))  # where the part before this place begins

    def pair(begin: int) -> Iterator[tuple[int, int, int]]:
        if begin >= 0 and ends[begin] < size:
            end = ends[ends[begin]]
            rank = ranks.get(piece[begin:end])
            if rank is not None:
                yield rank, begin, end

    heap = [one for begin in range(size) for one in pair(begin)]
    heapify(heap)
    while heap:
        _, begin, end = heappop(heap)
        middle = ends[begin]
        if not 0 < middle < size or ends[middle] != end:
            continue  # one of the two is part of another pair by now
        ends[begin], ends[middle] = end, 0
        begins[end] = begin
        for one in (*pair(begins[begin]), *pair(begin)):
            heappush(heap, one)
    return [piece[begin:end] for begin, end in enumerate(ends) if end]
