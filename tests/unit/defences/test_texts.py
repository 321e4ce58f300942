"""Defences of classifiers of texts: what they mend, what they prove, and that attacks go through them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import unfooled
from unfooled.attacks import attack_named
from unfooled.core.errors import InputError
from unfooled.core.texts import batch_of
from unfooled.defences.random_masks import RandomMasks
from unfooled.defences.spelling import Spelling
from unfooled.defences.training.augmenting import augmented
from unfooled.sets.chars import Chars, typos

KNOWN = ["The film is wonderful and the plot moves", "the music is dull", "form"]
SPELLING = Spelling.learned(KNOWN)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("the fiml is wonderful", "the film is wonderful"),
        ("The fiilm is wondreful!", "The film is wonderful!"),
        ("Wonderfl,  dul", "Wonderful,  dull"),
        ("the form", "the form"),  # a known word stays, whoever put it there
        ("zebra 4711", "zebra 4711"),  # nearer to none than two typos
        ("", ""),
    ],
)
def test_words_become_the_nearest_known_ones(text: str, mended: str) -> None:
    assert SPELLING(text) == mended


def test_of_equally_near_words_the_commoner_one_is_taken() -> None:
    assert Spelling({"cat": 3, "car": 1})("caz") == "cat"
    assert Spelling({"cat": 1, "car": 3})("caz") == "car"


@pytest.mark.parametrize("settings", [{"words": {}}, {"words": {"a": 1}, "most": 3}])
def test_a_spelling_that_mends_nothing_is_refused(settings) -> None:
    with pytest.raises(InputError, match="spelling"):
        Spelling(**settings)


def scores(texts: list[str]) -> np.ndarray:
    worth = [0.5 + sum((word in ("wonderful", "moves")) - (word == "dull") for word in text.split()) for text in texts]
    return np.array([[-one, one] for one in worth], dtype=np.float32)


def test_attacks_go_through_the_spelling() -> None:
    texts, y = ["the music is dull", "a dull dull plot"], [0, 0]
    plain, shut = (unfooled.text_model(scores, ["bad", "good"], before=one) for one in (None, SPELLING))
    assert unfooled.audit(plain, (texts, y), "chars:1")["chars:1"].broken.tolist() == [True, False]
    assert not unfooled.audit(shut, (texts, y), "chars:1")["chars:1"].broken.any()
    assert unfooled.audit(shut, (texts, y), "chars:3")["chars:3"].broken.tolist() == [True, False]  # beyond two typos


def hashed(texts: list[str]) -> np.ndarray:
    """A classifier without rhyme or reason, that leans to one class."""
    told = [sum(map(ord, text)) * 2654435761 % 97 for text in texts]
    return np.array([[30.0, one] for one in told])


def test_what_is_certified_holds_for_every_replacement() -> None:
    masks = RandomMasks(hashed, shown=0.2, votes=10)
    vocabulary, proven = ("a", "bb", "c"), 0
    every = {words: int(masks([" ".join(words)])[0].argmax()) for words in itertools.product(vocabulary, repeat=5)}
    for words, label in every.items():
        (found,) = masks.certify([" ".join(words)])
        assert found.label in (label, -1)
        for other, answer in every.items():
            changed = sum(one != new for one, new in zip(words, other, strict=True))
            if changed <= found.words:
                proven += changed
                assert answer == found.label
    assert proven > 0


def test_a_certificate_is_the_closed_form() -> None:
    masks = RandomMasks(lambda texts: np.tile([[0.0, 1.0]], (len(texts), 1)), shown=0.1, votes=64)
    text = " ".join(["word"] * 20)  # 2 of 20 shown: 190 ways
    (sure,) = masks.certify([text], votes=200)  # all of them vote: 1 - C(20 - d, 2) / 190 stays below a half for d <= 5
    assert sure == (1, 5)
    (drawn,) = masks.certify([text], votes=100)  # 100 of 100 prove 0.933 at 99.9 %: below 0.433 for d <= 4
    assert drawn == (1, 4)
    assert masks.certify(["..."]) == [(1, 0)]  # no word: nothing to replace


def test_votes_do_not_hang_on_company_and_show_their_share() -> None:
    shown = []

    def noted(texts: list[str]) -> np.ndarray:
        shown.extend(text.count("word") for text in texts)
        return hashed(texts)

    masks = RandomMasks(noted, shown=0.3, votes=16)
    texts = [" ".join(["word"] * n) for n in (3, 10, 20)]
    together = masks(texts)
    assert shown == [1] * 3 + [3] * 16 + [6] * 16
    assert np.array_equal(masks(texts[1:2])[0], together[1])
    assert [text.count("word") for text in masks.masked(texts)] == [1, 3, 6]
    assert masks.masked(texts, 1) != masks.masked(texts)


def test_masks_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="votes"):
        RandomMasks(hashed, votes=0)


class Memory:
    """Learns by heart which words speak for a class; typos of them are new words."""

    def __init__(self, texts: list[str], labels: list[int]) -> None:
        self.worth: dict[str, int] = {}
        for text, label in zip(texts, labels, strict=True):
            for word in text.split():
                self.worth[word] = self.worth.get(word, 0) + (1 if label else -1)

    def __call__(self, texts: list[str]) -> np.ndarray:
        worth = [0.5 + sum(self.worth.get(word, 0) for word in text.split()) for text in texts]
        return np.array([[-one, one] for one in worth], dtype=np.float32)


def test_each_round_learns_the_texts_that_fooled_the_last_model_by_their_right_labels() -> None:
    texts, y = ["wonderful", "moving", "dull", "awful"], [1, 1, 0, 0]
    taught: list[tuple[list[str], list[int]]] = []

    def fit(some: list[str], labels: list[int]):
        taught.append((some, labels))
        return unfooled.text_model(Memory(some, labels), ["bad", "good"])

    model = augmented(fit, texts, y, attack=attack_named("deep-word-bug"), within=Chars(1), rounds=2)
    assert [len(some) for some, _ in taught] == [4, 6, 8]  # two of four fall to a word that nobody knows
    for (before, _), (some, labels) in itertools.pairwise(taught):
        assert some[: len(before)] == before
        for text, label in zip(some[len(before) :], labels[len(before) :], strict=True):
            assert any(typos(text, clean) == 1 and label == of for clean, of in zip(texts, y, strict=True))
    learned, labels = taught[-1]
    assert model.answer(batch_of(learned, torch.arange(8), 20)).labels.tolist() == labels
