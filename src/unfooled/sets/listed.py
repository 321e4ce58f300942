"""Words that a table lists: what may stand for what is for a thesaurus of one's own to say."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.texts import strings

from .pieces import LETTERS, measured
from .words import share_changed

_DIGITS = 8
_WRITE = 'Write a JSON object such as {"film": ["picture", "movie"]}, in small letters.'


@dataclass(frozen=True)
class Listed:
    """A share of the words may be replaced by what a table lists for them, in the case that they are written in.

    Attributes:
        radius: Largest share of the words, 0 to 1.
        table: What may stand for a word, likeliest first, in small letters.
        file: Where the table came from, as threats name it, with the beginning of its hash.
    """

    radius: float
    table: Mapping[str, tuple[str, ...]] = field(repr=False, hash=False)
    file: str

    def __post_init__(self) -> None:
        if not 0 <= self.radius <= 1:
            do = "Write for example listed:0.2@table.json for a fifth of the words."
            raise InputError("A radius of listed words is a share of them", self.radius, do)

    @staticmethod
    def read(radius: float, name: str) -> Listed:
        """Read a table.

        Args:
            radius: Largest share of the words.
            name: A file, with `#` and the beginning of its hash behind it where it must be the same as before.

        Raises:
            InputError: The file cannot be read, lists something else than words, or is another one.
        """
        path, _, wanted = name.partition("#")
        try:
            data = Path(path).read_bytes()
            table = {word: tuple(others) for word, others in json.loads(data).items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise InputError("A table of words cannot be read", f"{path}: {error}", _WRITE) from error
        digest = hashlib.sha256(data).hexdigest()[:_DIGITS]
        if wanted and wanted != digest:
            raise InputError(
                "The table of words is another one", f"{path} with SHA-256 {digest}...", f"Bring {wanted}."
            )
        odd = [word for word, others in table.items() for one in (word, *others) if not _plain(one)]
        if odd:
            raise InputError("A table of words holds words in small letters alone", f"{odd[0]!r} in {path}", _WRITE)
        return Listed(radius, table, f"{path}#{digest}")

    def __str__(self) -> str:
        return f"listed:{self.radius:g}@{self.file}"

    def distance(self, x_adv: Batch, x: Batch) -> Tensor:
        """Measure the share of words that differ, (n,) float64: infinite where anything else has changed."""
        return measured(x_adv, x, share_changed)

    def contains(self, x_adv: Batch, x: Batch) -> Tensor:
        """See `PerturbationSet.contains`."""
        distance = self.distance(x_adv, x)
        allowed = [
            far < math.inf and self._allows(self.pieces(after), self.pieces(before))
            for far, after, before in zip(distance.tolist(), strings(x_adv), strings(x), strict=True)
        ]
        return distance.new_tensor(allowed).bool()

    def pieces(self, text: str) -> list[str]:
        """See `Edits.pieces`: words may be edited."""
        return LETTERS.split(text)

    def neighbours(self, piece: str, clean: str) -> list[list[str]]:
        """See `Edits.neighbours`; there is one kind, and a word is replaced once."""
        return [self._others(piece) if piece == clean else []]

    def most(self, text: str) -> int:
        """See `Edits.most`."""
        return self._most(self.pieces(text))

    def growth(self, width: int) -> int:
        """See `Edits.growth`."""
        longer = max((len(one) - len(word) for word, others in self.table.items() for one in others), default=0)
        return max(0, longer) * math.ceil(self.radius * (width + 1) / 2)

    def resized(self, radius: float) -> Self:
        """See `Scaled.resized`."""
        return replace(self, radius=radius)

    def _allows(self, after: list[str], before: list[str]) -> bool:
        changed = [(new, old) for new, old in zip(after, before, strict=True) if new != old]
        return len(changed) <= self._most(before) and all(new in self._others(old) for new, old in changed)

    def _others(self, word: str) -> list[str]:
        listed = self.table.get(word.lower(), ())
        if word.isupper() and len(word) > 1:
            cased = [one.upper() for one in listed]
        else:
            cased = [one.capitalize() if word[:1].isupper() else one for one in listed]
        return [one for one in dict.fromkeys(cased) if one != word]

    def _most(self, pieces: list[str]) -> int:
        return math.floor(self.radius * (len(pieces) // 2) + 1e-9)


def _plain(word: object) -> bool:
    return isinstance(word, str) and word == word.lower() and LETTERS.split(word)[::2] == ["", ""]
