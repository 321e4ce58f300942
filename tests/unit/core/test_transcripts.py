"""Transcripts: one normaliser, numbers that stand for texts, error rates."""

import itertools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfooled.core.transcripts import (
    TEXTS,
    UNHEARD,
    character_error_rate,
    edits,
    label_of,
    learn,
    listed,
    normalised,
    packed,
    text_of,
    unpacked,
    word_error_rate,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Open the front door.", "open the front door"),
        ("  Don\u2019t --  STOP!\n", "don't stop"),
        ("'quoted' o'clock'", "quoted o'clock"),
        ("\uff21\uff22 10 of clubs", "ab 10 of clubs"),
        ("h\u0259\u02c8lo\u028a", "h\u0259\u02c8lo\u028a"),
        ("snake_case", "snake case"),
        ("...", ""),
    ],
)
def test_two_transcripts_are_compared_in_one_form(text: str, plain: str) -> None:
    assert normalised(text) == plain
    assert label_of(text) == label_of(plain)
    assert text_of(label_of(text)) == plain


@given(st.text(max_size=20))
def test_the_normal_form_is_its_own(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert 0 <= label_of(text) < UNHEARD < TEXTS


def test_a_label_is_the_same_in_any_process_and_knows_its_text_where_it_was_met() -> None:
    code = "from unfooled.core.transcripts import *; print(text_of({0})); print(label_of('hello world') == {0})"
    ran = subprocess.run(
        [sys.executable, "-c", code.format(label_of("Hello, world"))], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[:2] == ["None", "True"]


def test_texts_travel_beside_their_labels() -> None:
    labels = [label_of("one two"), label_of(""), 7]
    assert listed([*labels, None]) == {str(label_of("")): "", str(label_of("one two")): "one two"}
    code = (
        "from unfooled.core.transcripts import *; import numpy as np\n"
        f"unpacked(np.array({packed(labels).tolist()}, np.uint8)); print(repr(text_of({labels[0]})))\n"
        f"learn({{'1': 'three'}}); print(text_of(label_of('three')), text_of({labels[1]}) == '')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["'one two'", "three True"]
    unpacked(packed(labels))
    learn(listed(labels))


def slow_edits(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    same = one[0] == other[0]
    return min(
        slow_edits(one[1:], other[1:]) + (not same), 1 + slow_edits(one[1:], other), 1 + slow_edits(one, other[1:])
    )


def test_edits_are_the_fewest() -> None:
    words = ["".join(word) for n in range(4) for word in itertools.product("ab", repeat=n)]
    for one, other in itertools.product(words, words):
        assert edits(one, other) == slow_edits(one, other)


def test_error_rates_count_by_what_was_wanted() -> None:
    assert word_error_rate("Open a door!", "open the front door") == 2 / 4
    assert word_error_rate("anything at all", "") == 3
    assert word_error_rate("", "two words") == 1
    assert character_error_rate("opem", "open") == 1 / 4
