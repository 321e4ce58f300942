"""The surface of a text: words written another way, and names for names, which no reading should hang on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from torch import Tensor

from unfooled.core.batch import Batch

from .pieces import LETTERS, check_count, measured, others

_SPELLINGS = """colour color|favour favor|flavour flavor|honour honor|humour humor|labour labor|neighbour neighbor|
centre center|theatre theater|grey gray|catalogue catalog|dialogue dialog|analyse analyze|realise realize|organise
organize|recognise recognize|apologise apologize|travelled traveled|cancelled canceled|defence defense|mould
mold|plough plow|sceptical skeptical|jewellery jewelry|behaviour behavior"""

_CONTRACTED = {
    "isn't": "is not", "aren't": "are not", "wasn't": "was not", "weren't": "were not", "don't": "do not",
    "doesn't": "does not", "didn't": "did not", "hasn't": "has not", "haven't": "have not", "hadn't": "had not",
    "won't": "will not", "wouldn't": "would not", "can't": "cannot", "couldn't": "could not", "shouldn't": "should not",
    "i'm": "I am", "i've": "I have", "i'll": "I will", "you're": "you are", "you've": "you have", "we're": "we are",
    "we've": "we have", "they're": "they are", "they've": "they have", "it's": "it is", "that's": "that is",
    "there's": "there is", "let's": "let us",
}  # fmt: skip

NAMES = (
    frozenset(["Anna", "Clara", "Elena", "Emma", "Julia", "Laura", "Maria", "Nina", "Sara", "Sofia"]),
    frozenset(["Adam", "Daniel", "David", "Jacob", "John", "Martin", "Michael", "Paul", "Peter", "Thomas"]),
    frozenset(["Berlin", "Boston", "Chicago", "Dublin", "London", "Madrid", "Oslo", "Paris", "Rome", "Vienna"]),
)
"""Names that may stand for one another: women's, men's, cities'. None is a word of English otherwise."""

_LONGEST = max(map(len, (*_CONTRACTED.values(), *(name for names in NAMES for name in names))))


def _spellings() -> dict[str, str]:
    pairs = [pair.split() for pair in _SPELLINGS.replace("\n", " ").split("|")]
    return {one: other for pair in pairs for one, other in (pair, reversed(pair))}


SPELLINGS = _spellings()
"""British and American spellings of a word, each by the other."""


@dataclass(frozen=True)
class Surface:
    """At most so many words may be written another way.

    A word may stand in small letters, in capitals or with a first capital; a contraction may be written out; British
    spelling may become American and the other way round; a name may become another one of its kind.

    Attributes:
        radius: Most words, a whole number from 0.

    Reference:
        Ribeiro, Wu, Guestrin and Singh. Beyond accuracy: behavioral testing of NLP models with CheckList. ACL 2020.
        https://arxiv.org/abs/2005.04118, section 2.2: invariance tests.
        Differs from the paper: such changes are a set that attacks search, where the paper draws some; typos, which it
        counts among them, are a set of their own.
    """

    radius: float

    def __post_init__(self) -> None:
        check_count("surface", self.radius)

    def __str__(self) -> str:
        return f"surface:{self.radius:g}"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Count the words written another way, (n,) float64: infinite where anything else has changed."""
        return measured(x_adv, x, rewritten)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return self.distance(x_adv, x) <= self.radius

    def pieces(self, text: str) -> list[str]:
        """See `Edits.pieces`: words may be edited."""
        return LETTERS.split(text)

    def neighbours(self, piece: str, clean: str) -> list[list[str]]:
        """See `Edits.neighbours`; a word is written anew once. Kinds are case, contraction, spelling and names."""
        return [list(kind) if piece == clean else [] for kind in _forms(clean)]

    def most(self, text: str) -> int:
        """See `Edits.most`."""
        return int(self.radius)

    def growth(self, width: int) -> int:
        """See `Edits.growth`."""
        return int(self.radius) * _LONGEST

    def resized(self, radius: float) -> Self:
        """See `Scaled.resized`."""
        return replace(self, radius=radius)


@lru_cache(maxsize=4096)
def _forms(word: str) -> tuple[tuple[str, ...], ...]:
    """List other ways to write a word by kind; none is listed twice."""
    lower, apart = word.lower().replace("\u2019", "'"), word[:1].isupper()
    case = others((word.lower(), word.upper(), word.capitalize()), word)
    contracted = [_CONTRACTED[lower]] if lower in _CONTRACTED else []
    written = [one.capitalize() if apart else one for one in contracted]
    spelled = [SPELLINGS[lower].capitalize() if apart else SPELLINGS[lower]] if lower in SPELLINGS else []
    names = sorted(next((names - {word} for names in NAMES if word in names), ()))
    kinds, known = [], [word]
    for kind in (case, written, spelled, names):
        kinds.append(tuple(others(kind, *known)))
        known += kind
    return tuple(kinds)


def rewritten(after: str, before: str) -> float:
    """Count the fewest words that were written another way; infinite where a text was changed in another way."""
    reached = {0: 0}  # places in `after` to which the pieces so far may have led -> fewest words changed
    for i, piece in enumerate(LETTERS.split(before)):
        ways = [(piece, 0)] + ([(one, 1) for kind in _forms(piece) for one in kind] if i % 2 else [])
        further: dict[int, int] = {}
        for place, count in reached.items():
            for one, more in ways:
                if after.startswith(one, place):
                    end = place + len(one)
                    further[end] = min(further.get(end, count + more), count + more)
        reached = further
    return reached.get(len(after), math.inf)
