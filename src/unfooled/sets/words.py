"""Substituted words: a share of a text's words may be replaced by what means the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.function_words import FUNCTION_WORDS, NEGATIONS
from unfooled.core.texts import strings

from .pieces import LETTERS, measured
from .wordnet import installed

_LONGER = 8
"""Most characters by which a substitute may be longer than its word."""

_REVERSING = ("un", "in", "im", "il", "ir", "dis", "non", "mis", "anti")


@dataclass(frozen=True)
class Words:
    """A share of the words may be replaced by what WordNet says shares a sense with them.

    A substitute is of the kind (noun, verb, adjective, adverb) that its word is in most senses, and no opposite of the
    word in any sense, nor of one similar to it; no word that negates comes or goes, nor a prefix that reverses a
    meaning. Function words stay. Lemmas and regular plurals are replaced, in the case that they are written in; other
    inflected forms are left alone. What stands between words is unchanged.

    Attributes:
        radius: Largest share of the words, 0 to 1.
    """

    radius: float

    def __post_init__(self) -> None:
        if not 0 <= self.radius <= 1:
            do = "Write for example words:0.2 for a fifth of the words."
            raise InputError("A radius of words is a share of them", self.radius, do)

    def __str__(self) -> str:
        return f"words:{self.radius:g}"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the share of words that differ, (n,) float64: infinite where anything else has changed."""
        return measured(x_adv, x, share_changed)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        distance = self.distance(x_adv, x)
        pairs = [
            (self.pieces(after), self.pieces(before)) for after, before in zip(strings(x_adv), strings(x), strict=True)
        ]
        meant = [
            far < math.inf
            and all(new in substitutes(old) for new, old in zip(after[1::2], before[1::2], strict=True) if new != old)
            and sum(new != old for new, old in zip(after, before, strict=True)) <= self._most(before)
            for far, (after, before) in zip(distance.tolist(), pairs, strict=True)
        ]
        return (distance < math.inf) & distance.new_tensor(meant).bool()

    def pieces(self, text: str) -> list[str]:
        """See `Edits.pieces`: words may be edited."""
        return LETTERS.split(text)

    def neighbours(self, piece: str, clean: str) -> list[list[str]]:
        """See `Edits.neighbours`; there is one kind, and a word is replaced once."""
        return [list(substitutes(piece)) if piece == clean else []]

    def most(self, text: str) -> int:
        """See `Edits.most`."""
        return self._most(self.pieces(text))

    def growth(self, width: int) -> int:
        """See `Edits.growth`."""
        return _LONGER * math.ceil(self.radius * (width + 1) / 2)

    def resized(self, radius: float) -> Self:
        """See `Scaled.resized`."""
        return replace(self, radius=radius)

    def _most(self, pieces: list[str]) -> int:
        return math.floor(self.radius * (len(pieces) // 2) + 1e-9)


def share_changed(after: str, before: str) -> float:
    """Tell what share of its words was changed in a text; infinite where it was changed in another way."""
    new, old = LETTERS.split(after), LETTERS.split(before)
    if len(new) != len(old) or new[::2] != old[::2]:
        return math.inf
    changed = sum(one != other for one, other in zip(new, old, strict=True))
    return float(changed / max(1, len(old) // 2))


@lru_cache(maxsize=65_536)
def substitutes(word: str) -> tuple[str, ...]:
    """List what may stand in a word's stead, the likeliest first: see `Words`.

    Raises:
        InputError: WordNet is not installed.
    """
    wordnet, lower = installed(), word.lower()
    lemma = lower if wordnet.kind(lower) else _singular(lower)
    kind = wordnet.kind(lemma)
    if lower in FUNCTION_WORDS or not kind or (lemma != lower and kind != "noun") or not lower.isascii():
        return ()
    opposites = wordnet.antonyms(lemma)
    fitting = (
        other
        for other in wordnet.synonyms(lemma, kind)
        if other not in opposites | FUNCTION_WORDS | NEGATIONS and other.isascii() and not _reversed(lemma, other)
    )
    formed = (other if lemma == lower else _plural(other) for other in fitting)
    return tuple(_cased(other, word) for other in formed if other != lower and len(other) <= len(word) + _LONGER)


def opposed(one: str, other: str) -> bool:
    """Tell whether two lemmas are opposites, by WordNet or by a prefix that reverses a meaning.

    Raises:
        InputError: WordNet is not installed.
    """
    return other in installed().antonyms(one) or one in installed().antonyms(other) or _reversed(one, other)


def _reversed(one: str, other: str) -> bool:
    return any(one == prefix + other or other == prefix + one for prefix in _REVERSING)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _cased(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word
