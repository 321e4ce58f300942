"""Byte pairs: what is joined first, what a token covers, and the way back."""

from __future__ import annotations

import re

import pytest

from unfooled.zoo.byte_pairs import BytePairs, letters_and_numbers, unprinted

RANKS = {bytes([byte]): byte for byte in range(256)} | {b"ab": 300, b"bc": 301, b"abc": 302, b"aa": 303}


def pairs(pattern: str = r"\S+|\s+") -> BytePairs:
    return BytePairs(RANKS, re.compile(pattern))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("abc", [302]),  # known as a whole
        ("abcb", [302, 98]),  # ab first, then abc
        ("bcab", [301, 300]),  # of two pairs the one of lower rank is joined first, which changes nothing here
        ("aaa", [303, 97]),  # of two places the first
        ("xabc bc", [120, 302, 32, 301]),
        ("", []),
    ],
)
def test_pairs_are_joined_by_rank(text: str, numbers: list[int]) -> None:
    assert pairs().cut(text).numbers == numbers


def test_tokens_know_the_characters_that_their_bytes_belong_to() -> None:
    cut = pairs().cut("ab\u00e9c")
    assert cut.numbers == [300, 0xC3, 0xA9, 99]
    assert cut.spans == [(0, 2), (2, 3), (2, 3), (3, 4)]
    assert cut.within(2, 3) == [1, 2]


def test_a_long_piece_takes_no_long_time() -> None:
    assert sum(1 for _ in pairs().cut("a" * 30_000).numbers) == 15_000


def test_classes_of_characters_are_those_of_unicode() -> None:
    letters, numbers, space = letters_and_numbers()
    for kind, one in (("L", "\u0416"), ("N", "\u00bd"), ("N", "7"), ("L", "\u4e2d"), ("S", "\u3000"), ("", "\u0301")):
        inside = {"L": letters, "N": numbers, "S": space}
        assert [name for name, written in inside.items() if re.fullmatch(f"[{written}]", one)] == [*kind]


def test_tokens_are_put_together_again() -> None:
    text = "abcb \u00e9\u4e2d aaa"
    assert pairs().text(pairs().cut(text).numbers) == text
    assert pairs().text([302, 7_000, 97]) == "abca"


def test_every_byte_has_a_sign_in_printed_vocabularies() -> None:
    """GPT-2 prints a space as \u0120 and a line's end as \u010a."""
    assert unprinted("\u0120the") == b" the"
    assert unprinted("\u010a") == b"\n"
    signs = [*map(chr, range(0x21, 0x7F)), *map(chr, range(0xA1, 0xAD)), *map(chr, range(0xAE, 0x100))]
    assert sorted(unprinted("".join(signs) + "".join(map(chr, range(256, 324))))) == list(range(256))
