"""What a model heard: transcripts, compared after one normaliser and named by numbers as classes are. Without torch."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

TEXTS = 2**63 - 1
"""In place of a number of classes, for a model that writes: its labels are numbers below this, one a text."""

UNHEARD = TEXTS - 1
"""Label of a recording of which nobody told what is said in it: no text has it, and the model itself is asked."""

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "`": "'"})
_MARKS = re.compile(r"(?<!\w)'|'(?!\w)|_")
_heard: dict[int, str] = {}
"""Every text that got a number in this process: the way back from a number, as `sys.intern` keeps strings."""


def normalised(text: str) -> str:
    """Bring a transcript to the form in which two are compared.

    Letters are lower-cased in Unicode's form NFKC; letters, digits and their marks stay, and the apostrophe inside a
    word; all else parts words, and words are parted by one space.
    """
    lowered = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    kept = "".join(one if one == "'" or unicodedata.category(one)[0] in "LMN" else " " for one in lowered)
    return " ".join(_MARKS.sub(" ", kept).split())


def as_sentence(text: str) -> str:
    """Write a phrase as models that write sentences do: one without capitals and without an end gets both.

    No word at all is written as a full stop: no text of such a model begins with its end.
    """
    plain = text.strip()
    if plain == plain.lower() and plain[-1:].isalnum():
        plain = f"{plain[0].upper()}{plain[1:]}."
    return plain or "."


def label_of(text: str) -> int:
    """Give the number that stands for a transcript: 63 bits of a hash of its normalised form, the same in any run."""
    plain = normalised(text)
    label = (int.from_bytes(hashlib.sha256(plain.encode()).digest()[:8]) >> 1) % UNHEARD
    _heard[label] = plain
    return label


def text_of(label: int) -> str | None:
    """Give the normalised transcript that a number stands for; None for one that this process never met."""
    return _heard.get(label)


def packed(labels: Iterable[int]) -> np.ndarray:
    """Write the texts of some labels into an array, (b,) uint8: for files that hold arrays alone."""
    texts = sorted({text for label in labels if (text := text_of(label)) is not None})
    return np.frombuffer("\n".join(texts).encode(), np.uint8)


def unpacked(array: np.ndarray) -> None:
    """Learn the texts that `packed` wrote."""
    for text in array.tobytes().decode().split("\n"):
        label_of(text)


def listed(labels: Iterable[int | None]) -> dict[str, str]:
    """Write the texts of some labels as plain JSON: a run keeps them, and `learn` reads them."""
    known = sorted({label for label in labels if label is not None and label in _heard})
    return {str(label): _heard[label] for label in known}


def learn(texts: Mapping[str, str]) -> None:
    """Learn the texts that a run keeps."""
    for text in texts.values():
        label_of(text)


def edits(found: Sequence[str], wanted: Sequence[str]) -> int:
    """Count the least insertions, deletions and substitutions from one sequence to another: Levenshtein's distance."""
    row = list(range(len(wanted) + 1))
    for place, one in enumerate(found, start=1):
        before, row[0] = row[0], place
        for at, other in enumerate(wanted, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (one != other))
    return row[-1]


def word_error_rate(found: str, wanted: str) -> float:
    """Measure the edits of words from `wanted` to `found` by the words of `wanted`, from 0; may exceed 1.

    Both are normalised first; where nothing was wanted, every word found counts as 1.
    """
    words = normalised(wanted).split()
    return edits(normalised(found).split(), words) / max(1, len(words))


def character_error_rate(found: str, wanted: str) -> float:
    """Measure the edits of characters, spaces among them, as `word_error_rate` measures those of words."""
    plain = normalised(wanted)
    return edits(normalised(found), plain) / max(1, len(plain))
