"""Sets of edits: what they measure, that no path of allowed edits leads out of them, and what they refuse."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import unfooled
from unfooled.auditing.thesaurus import filled_words, near_words, write_table
from unfooled.core.batch import Batch
from unfooled.core.characters import HOMOGLYPHS, INVISIBLE, PLAIN
from unfooled.core.errors import InputError
from unfooled.core.texts import batch_of, strings
from unfooled.core.threat import Edits
from unfooled.core.tokens import Tokens
from unfooled.sets.chars import Chars, typos
from unfooled.sets.grammar import parse_sets
from unfooled.sets.listed import Listed
from unfooled.sets.surface import NAMES, SPELLINGS, Surface
from unfooled.sets.unseen import Homoglyphs, Invisible, swapped
from unfooled.sets.wordnet import VARIABLE, WordNet, installed
from unfooled.sets.words import Words, substitutes

SHORT = st.text("abc", max_size=7)
TEXT = "Good evening, it isn't a 2nd-rate (fine) wood-house\u200b: naïve!"


def one(text: str, width: int = 0) -> Batch:
    return batch_of([text], torch.zeros(1, dtype=torch.int64), max(width, len(text)))


def inside(within: Edits, after: str, before: str) -> bool:
    return bool(within.contains(one(after), one(before, 40))[0])


def far(within: Edits, after: str, before: str) -> float:
    return float(within.distance(one(after), one(before, 40))[0])


def alignment(a: str, b: str) -> int:
    """The distance of Damerau and Levenshtein without a stretch edited twice, over the whole table."""
    table = {(i, j): max(i, j) for i in range(len(a) + 1) for j in range(len(b) + 1) if not i or not j}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 2 : i] == b[j - 2 : j][::-1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(a), len(b)]


@settings(max_examples=500, deadline=None)
@given(SHORT, SHORT)
def test_typos_are_counted_as_over_the_whole_table(one: str, other: str) -> None:
    assert typos(one, other) == alignment(one, other) == typos(other, one)


@given(st.text("ab", min_size=30, max_size=60), st.text("ab", min_size=30, max_size=60))
@settings(max_examples=50, deadline=None)
def test_a_narrow_band_widens_until_it_is_enough(one: str, other: str) -> None:
    assert typos(one, other) == alignment(one, other)


@pytest.fixture(autouse=True)
def small_wordnet(tmp_path, monkeypatch):
    """A WordNet of a few words, in its own format; pointers are from word to word, in hexadecimal."""
    sets = {
        "adj": ["00 a 02 good 0 fine 0 001 ! {2} a 0101", "00 s 02 good 1 unmarred 0 000",
                "00 a 02 bad 0 poor 0 001 ! {0} a 0101"],
        "noun": ["00 n 03 wood 0 timber 0 night_fall 0 000", "00 n 02 evening 0 eve 0 000"],
        "verb": ["00 v 02 fine 0 penalise 0 000"],
        "adv": ["00 r 02 not 0 non 0 000"],
    }  # fmt: skip
    index = {
        "adj": ["good a 2 1 ! 2 2 {0} {1}", "fine a 1 0 1 1 {0}", "bad a 1 1 ! 1 1 {2}"],
        "noun": ["wood n 1 0 1 1 {0}", "evening n 1 0 1 0 {1}"],
        "verb": ["fine v 1 0 1 0 {0}"],
        "adv": ["not r 1 0 1 1 {0}"],
    }
    for kind, lines in sets.items():
        blank = ["0" * 8] * len(lines)
        sizes = [len(f"{'0' * 8} {line.format(*blank)} | a gloss\n") for line in lines]
        starts = [f"{sum(sizes[:place]):08d}" for place in range(len(lines))]
        data = zip(starts, (line.format(*starts) for line in lines), strict=True)
        (tmp_path / f"data.{kind}").write_text("".join(f"{start} {line} | a gloss\n" for start, line in data))
        (tmp_path / f"index.{kind}").write_text(
            "  1 licence\n" + "".join(f"{line.format(*starts)}\n" for line in index[kind])
        )
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    installed.cache_clear()
    substitutes.cache_clear()
    yield tmp_path
    installed.cache_clear()
    substitutes.cache_clear()


TABLE = {
    "fine": ("good", "sound"),
    "wood": ("timber",),
    "evening": ("eve", "night"),
    "good": ("fine",),
    "it": ("this",),
}
SETS: list[Edits] = [
    Chars(3), Invisible(3), Homoglyphs(3), Words(0.4), Surface(3), Listed(0.4, TABLE, "table.json"),
]  # fmt: skip


@pytest.mark.parametrize("within", SETS, ids=str)
@pytest.mark.parametrize("seed", range(20))
def test_no_path_of_allowed_edits_leads_out(within: Edits, seed: int) -> None:
    lots = random.Random(seed)
    clean = within.pieces(TEXT)
    assert "".join(clean) == TEXT
    pieces = list(clean)
    for step in range(within.most(TEXT)):
        sites = [i for i in range(1, len(pieces), 2) if any(within.neighbours(pieces[i], clean[i]))]
        site = sites[-1] if seed % 2 else lots.choice(sites)  # all at one place too: edits must not tear edits apart
        kinds = [kind for kind in within.neighbours(pieces[site], clean[site]) if kind]
        pieces[site] = lots.choice(lots.choice(kinds))
        edited = "".join(pieces)
        assert inside(within, edited, TEXT), (step, edited)
        assert far(within, edited, TEXT) <= (step + 1) / (1 if within.radius >= 1 else len(clean) // 2)
        assert len(edited) <= len(TEXT) + within.growth(len(TEXT))


@pytest.mark.parametrize("within", SETS, ids=str)
def test_neighbours_are_listed_once_and_by_as_many_kinds(within: Edits) -> None:
    kinds = [within.neighbours(word, word) for word in ("evening", "Good", "a", "wood")]
    assert len({len(one) for one in kinds}) == 1
    for word, found in zip(("evening", "Good", "a", "wood"), kinds, strict=True):
        assert all(len(set(kind)) == len(kind) and word not in kind and "" not in kind for kind in found)


@pytest.mark.parametrize("within", SETS, ids=str)
def test_nothing_changed_is_inside_at_distance_0_and_survives_the_grammar(within: Edits) -> None:
    assert inside(within.resized(0), TEXT, TEXT)
    assert far(within, TEXT, TEXT) == 0
    if not str(within).startswith("listed"):  # which is read from a file: see below
        assert parse_sets(str(within)) == [within]


@pytest.mark.parametrize(
    ("within", "after", "before", "distance", "contained"),
    [
        (Chars(1), "abdc", "abcd", 1, True),
        (Chars(1), "abcd", "abxcdx", 2, False),
        (Chars(2), "ab\u200bcd", "abcd", 1, False),  # what is brought in must be seen
        (Chars(2), "ab\u200bd", "ab\u200bcd", 1, True),  # but what was there may stay
        (Chars(2), "\u0430bcd", "abcd", 1, True),
        (Invisible(1), "ab\u200bcd", "abcd", 1, True),
        (Invisible(1), "a\u2060b\u200bcd", "abcd", 2, False),
        (Invisible(1), f"a{swapped('b', 'c')}d", "abcd", 1, True),
        (Invisible(9), f"a{swapped('c', 'b')}d", "abcd", math.inf, False),  # it would be drawn as acbd
        (Invisible(9), "acbd", "abcd", math.inf, False),
        (Invisible(9), "abc", "ab\u200bc", math.inf, False),  # nothing of x may go, seen or not
        (Homoglyphs(1), "\u0430bcd", "abcd", 1, True),
        (Homoglyphs(9), "xbcd", "abcd", math.inf, False),
        (Homoglyphs(9), "abc", "abcd", math.inf, False),
        (Surface(1), "it is DULL", "it is dull", 1, True),
        (Surface(1), "It is not dull", "It isn't dull", 1, True),
        (Surface(2), "It is dull", "It isn't dull", math.inf, False),
        (Surface(1), "gray colour", "grey color", 2, False),
        (Surface(2), "Paul in Rome", "John in Oslo", 2, True),
        (Surface(9), "Anna in Rome", "John in Oslo", math.inf, False),
        (Surface(9), "it is so dull", "it is dull", math.inf, False),
        (Listed(0.5, TABLE, "t"), "Sound wood", "Fine wood", 0.5, True),
        (Listed(0.4, TABLE, "t"), "Sound wood", "Fine wood", 0.5, False),
        (Listed(1, TABLE, "t"), "bad wood", "fine wood", 0.5, False),
        (Words(0.5), "fine wood", "good wood", 0.5, True),
        (Words(0.4), "fine wood", "good wood", 0.5, False),
        (Words(1), "fine  wood", "good wood", math.inf, False),
        (Words(1), "bad wood", "good wood", 0.5, False),
    ],
)
def test_closed_forms(within: Edits, after: str, before: str, distance: float, contained: bool) -> None:
    assert far(within, after, before) == distance
    assert inside(within, after, before) is contained


def test_substitutes_keep_kind_and_case_and_never_turn_a_meaning_round() -> None:
    assert substitutes("good") == ("fine", "unmarred")
    assert substitutes("GOOD") == ("FINE", "UNMARRED")
    assert substitutes("Woods") == ("Timbers",)
    assert substitutes("fine") == ("good",)  # an adjective in most texts: not the verb's `penalise`
    assert substitutes("not") == substitutes("unheard") == substitutes("Ünheard") == ()
    assert "poor" in installed().antonyms("good")
    assert set(WordNet.opposites(installed())) == {("good", "bad"), ("bad", "good")}


def test_a_missing_wordnet_says_what_to_install(monkeypatch, tmp_path) -> None:
    installed.cache_clear()
    substitutes.cache_clear()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="wordnet-base"):
        substitutes("good")


def test_a_damaged_wordnet_is_refused(small_wordnet) -> None:
    (small_wordnet / "index.adj").write_text("good a x\n")
    with pytest.raises(InputError, match="cannot be read"):
        substitutes("good")


@pytest.mark.parametrize(
    "text", ["chars", "chars:-1", "chars:1.5", "chars:inf", "words:1.1", "words:20", "invisible:x"]
)
def test_radii_that_count_nothing_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"radius|number"):
        parse_sets(text)


def test_tables_of_characters_do_not_overlap() -> None:
    assert len(set(INVISIBLE)) == len(INVISIBLE)
    assert not set(PLAIN) & set(HOMOGLYPHS)
    assert not set(INVISIBLE) & (set(PLAIN) | set(HOMOGLYPHS))
    assert sum(map(len, HOMOGLYPHS.values())) == len(PLAIN), "one letter would look like two"


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_texts_survive_the_batch(texts: list[str]) -> None:
    assert strings(batch_of(texts, torch.arange(len(texts)), 12)) == texts


def test_the_version_of_wordnet_is_read_off_its_licence_and_stands_in_the_run(small_wordnet) -> None:
    assert WordNet.read(small_wordnet).version == ""
    model = unfooled.text_model(lambda texts: np.array([[float(len(text)), 9.0] for text in texts]))
    audit = unfooled.audit(model, (["good wood"], [0]), ["chars:1", "words:0.5"], ["random-edits"])
    assert audit.run["versions"]["wordnet"] == "unknown"
    assert "wordnet" not in unfooled.audit(model, (["good wood"], [0]), "chars:1", ["random-edits"]).run["versions"]
    nouns = small_wordnet / "data.noun"
    licence = b"  1 This software  \n  14 WordNet 3.1 Copyright 2011 by Princeton University.  All rights reserved.  \n"
    nouns.write_bytes(licence + nouns.read_bytes())
    assert WordNet.read(small_wordnet).version == "3.1"


def test_a_table_is_known_by_its_contents(tmp_path) -> None:
    path = tmp_path / "table.json"
    write_table(path, TABLE)
    (within,) = parse_sets(f"listed:0.5@{path}")
    assert parse_sets(str(within)) == [within]
    assert within.neighbours("FINE", "FINE") == [["GOOD", "SOUND"]]
    path.write_text('{"fine": ["bad"]}')
    with pytest.raises(InputError, match="another one"):
        parse_sets(str(within))


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 3}', '{"a b": ["c"]}', '{"a": ["B"]}', '{"a": ["c d"]}'])
def test_a_table_of_something_else_is_refused(tmp_path, text) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(InputError, match="table of words"):
        parse_sets(f"listed:0.5@{tmp_path / 'table.json'}")


def test_names_and_spellings_stand_for_one_another_alone() -> None:
    assert sum(map(len, NAMES)) == len(frozenset().union(*NAMES))
    assert all(SPELLINGS[SPELLINGS[word]] == word for word in SPELLINGS)


class Axes:
    """Embeddings of a few words: opposites lie near, as they do in real ones."""

    words = ("good", "fine", "bad", "wood", "evening", "not")
    embeddings = torch.tensor([[1.0, 0.1], [1.0, 0.2], [1.0, 0.11], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.1]])

    def tokens(self, texts):
        return [Tokens([self.words.index(text.strip())], [(0, len(text))]) for text in texts]


def test_near_words_are_of_one_kind_and_no_opposites() -> None:
    # bad lies between good and fine, and not lies on good: neither means the same
    assert near_words(Axes(), ["good wood, not bad", "fine evening"]) == {
        "good": ["fine"], "fine": ["good"], "wood": ["evening"], "evening": ["wood"],
    }  # fmt: skip


def test_words_that_a_masked_model_writes_are_gathered_by_word() -> None:
    asked = []

    def fill(before: str, behind: str) -> list[str]:
        asked.append((before, behind))
        return ["good", "bad", "Fine", "wood", "poor"]

    assert filled_words(fill, ["a good day", "good!"]) == {"good": ["fine"]}
    assert asked == [("a ", " day"), ("a good ", ""), ("", "!")]
