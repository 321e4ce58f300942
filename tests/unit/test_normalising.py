"""The Unicode normaliser: what it undoes, what it must leave alone, and that attacks go through it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unfooled
from unfooled.defences.normalising import normalised
from unfooled.sets.unseen import Homoglyphs, Invisible, swapped

ASCII = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=40)


@settings(max_examples=300, deadline=None)
@given(ASCII)
def test_plain_ascii_stays_as_it_is(text: str) -> None:
    assert normalised(text) == text


@pytest.mark.parametrize("within", [Invisible(2), Homoglyphs(2)], ids=str)
@pytest.mark.parametrize("word", ["wonderful", "KEY", "aOzI"])
def test_two_edits_of_a_word_are_undone_exactly(within: Invisible | Homoglyphs, word: str) -> None:
    once = [one for kind in within.neighbours(word, word) for one in kind]
    twice = [two for one in once[::7] for kind in within.neighbours(one, word) for two in kind]
    assert once
    for one in itertools.chain(once, twice):
        assert normalised(f"A {one} day.") == f"A {word} day.", ascii(one)


def test_reordered_neighbours_and_nested_ones_are_put_back() -> None:
    assert normalised(f"x{swapped('a', 'b')}y") == "xaby"
    assert normalised("\u202edcba\u202c") == "abcd"
    assert normalised("\u202edc\u2066AB\u2069ba\u202c") == "abABcd"


RUSSIAN = "\u043c\u0438\u0440 \u0438 \u0440\u043e\u0441\u0442"
GREEK = "\u03ba\u03b1\u03bb\u03cc\u03c2 \u03c6\u03af\u03bb\u03bf\u03c2"


@pytest.mark.parametrize("text", [RUSSIAN, GREEK, "caf\u00e9", "\u4f60\u597d", ""])
def test_honest_texts_of_other_scripts_stay(text: str) -> None:
    assert normalised(text) == text


@pytest.mark.parametrize("text", ["\u202e", "\u2069\u202c", "\u2066" * 20_000 + "a", "\ufb01ne \uff21"])
def test_loose_ends_do_no_harm(text: str) -> None:
    assert normalised(text) in ("", "a", "fine A")


def scores(texts: list[str]) -> np.ndarray:
    return np.array([[0.5 - ("good" in text), ("good" in text) - 0.5] for text in texts], dtype=np.float32)


def test_attacks_go_through_the_defence() -> None:
    data = (["good film", "a good day"], [1, 1])
    threats = ["invisible:2", "homoglyphs:2", "chars:1"]
    open_to = unfooled.audit(unfooled.text_model(scores), data, threats)
    shut = unfooled.audit(unfooled.text_model(scores, before=normalised), data, threats)
    assert [open_to[threat].robust_accuracy for threat in threats] == [0, 0, 0]
    assert [shut[threat].robust_accuracy for threat in threats] == [1, 1, 0]
    assert shut.run["model"]["before"] == "normalised"
    assert shut.run["model"]["sha256"] != open_to.run["model"]["sha256"]
