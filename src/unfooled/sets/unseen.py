"""Changes that nobody sees: invisible and reordering characters, and letters of other scripts that look alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.characters import HOMOGLYPHS, INVISIBLE

from .pieces import LETTERS, check_count, measured, others

_SWAP = "\u202d\u2066\u202e\u2066{}\u2069\u2066{}\u2069\u202c\u2069\u202c"
_LENGTH = len(_SWAP.format("b", "a"))


def swapped(first: str, second: str) -> str:
    """Write two characters in the other order, between controls under which they are drawn in this one.

    Reference:
        Boucher, Shumailov, Anderson and Papernot. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
        https://arxiv.org/abs/2106.09898, section IV-D and algorithm 1.
        Differs from the paper: nothing.
    """
    return _SWAP.format(second, first)


@dataclass(frozen=True)
class Invisible:
    """At most so many injections: a character of no width put in, or two neighbours stored in the other order.

    Two neighbours are stored in the other order between twelve characters in all that make a reader draw them as they
    were (`swapped`): a reader that follows Unicode's bidirectional algorithm. Deletion by backspace is left out, since
    hardly a reader carries it out.

    Attributes:
        radius: Most injections, a whole number from 0.
    """

    radius: float

    def __post_init__(self) -> None:
        check_count("invisible", self.radius)

    def __str__(self) -> str:
        return f"invisible:{self.radius:g}"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Count the injections, (n,) float64: infinite where anything else has changed."""
        return measured(x_adv, x, injections)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return self.distance(x_adv, x) <= self.radius

    def pieces(self, text: str) -> list[str]:
        """See `Edits.pieces`: words may be edited."""
        return LETTERS.split(text)

    def neighbours(self, piece: str, clean: str) -> list[list[str]]:
        """See `Edits.neighbours`; kinds are insertions and swaps."""
        gaps = range(len(piece) + 1)
        insertions = (piece[:i] + unseen + piece[i:] for i in gaps for unseen in INVISIBLE)
        swaps = (piece[:i] + swapped(*piece[i : i + 2]) + piece[i + 2 :] for i in gaps[:-2])
        kinds = [others(kind, piece, clean) for kind in (insertions, swaps)]
        if piece == clean:
            return kinds
        most = injections(piece, clean) + 1  # what tears a swap apart would be seen
        return [[one for one in kind if injections(one, clean) <= most] for kind in kinds]

    def most(self, text: str) -> int:
        """See `Edits.most`."""
        return int(self.radius)

    def growth(self, width: int) -> int:
        """See `Edits.growth`."""
        return int(self.radius) * (_LENGTH - 2)

    def resized(self, radius: float) -> Self:
        """See `Scaled.resized`."""
        return replace(self, radius=radius)


def injections(after: str, before: str) -> float:
    """Count what was injected into a text; infinite where it was changed in another way."""
    count = at = 0
    place = 0
    while place < len(after):
        if at < len(before) and after[place] == before[at]:
            place, at = place + 1, at + 1
        elif after[place] in INVISIBLE:
            place, count = place + 1, count + 1
        elif at + 1 < len(before) and after.startswith(swapped(before[at], before[at + 1]), place):
            place, at, count = place + _LENGTH, at + 2, count + 1
        else:
            return math.inf
    return count if at == len(before) else math.inf


@dataclass(frozen=True)
class Homoglyphs:
    """At most so many characters may be replaced by one of another script that looks alike.

    Attributes:
        radius: Most replacements, a whole number from 0.
    """

    radius: float

    def __post_init__(self) -> None:
        check_count("homoglyphs", self.radius)

    def __str__(self) -> str:
        return f"homoglyphs:{self.radius:g}"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Count the replacements, (n,) float64: infinite where anything else has changed."""
        return measured(x_adv, x, replacements)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        return self.distance(x_adv, x) <= self.radius

    def pieces(self, text: str) -> list[str]:
        """See `Edits.pieces`: words may be edited."""
        return LETTERS.split(text)

    def neighbours(self, piece: str, clean: str) -> list[list[str]]:
        """See `Edits.neighbours`; there is one kind."""
        places = ((i, other) for i, letter in enumerate(clean) for other in HOMOGLYPHS.get(letter, ()))
        return [others((piece[:i] + other + piece[i + 1 :] for i, other in places), piece, clean)]

    def most(self, text: str) -> int:
        """See `Edits.most`."""
        return int(self.radius)

    def growth(self, width: int) -> int:
        """See `Edits.growth`."""
        return 0

    def resized(self, radius: float) -> Self:
        """See `Scaled.resized`."""
        return replace(self, radius=radius)


def replacements(after: str, before: str) -> float:
    """Count letters that were replaced by others that look alike; infinite where a text was changed in another way."""
    if len(after) != len(before):
        return math.inf
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    return len(changed) if all(new in HOMOGLYPHS.get(old, ()) for old, new in changed) else math.inf
