"""Two texts side by side: what was taken out, what was put in, and what of it nobody would see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from unfooled.core.characters import box

_WORDS = re.compile(r"\w+|\W")
_CLOSELY = 400  # characters up to which two stretches are compared one by one
_ALIKE = 0.65  # share of the characters in common from which stretches are compared one by one
_AROUND = 80  # characters shown on either side of a change
_LONGEST = 2000  # characters shown of a stretch that was changed


@dataclass(frozen=True)
class Stretch:
    """Part of a comparison.

    Attributes:
        kind: `same`, `removed` or `added`.
        parts: Its characters in order; where the second of a pair is true, the first is the name of one that draws
            nothing or acts on others, such as `U+200B`: no such character itself reaches the page.
    """

    kind: str
    parts: tuple[tuple[str, bool], ...]


def compared(before: str, after: str, *, whole: bool = False) -> tuple[Stretch, ...]:
    """Compare two texts, words as a whole or letter by letter; long stretches in which nothing changed are cut."""
    found = list(_merged(_by_word(before, after, whole=whole)))
    last = len(found) - 1
    return tuple(
        Stretch(kind, _boxed(_shortened(text, first=place == 0, last=place == last) if kind == "same" else text))
        for place, (kind, text) in enumerate(found)
    )


def _by_word(before: str, after: str, *, whole: bool) -> Iterator[tuple[str, str]]:
    """Compare word by word, and what differs character by character unless words are wanted whole."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    for tag, a, b, c, d in _blocks(old, new):
        taken, put = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            yield "same", taken
        elif whole or not _alike(taken, put):
            yield from (("removed", taken[:_LONGEST]), ("added", put[:_LONGEST]))
        else:
            for kind, e, f, g, h in _blocks(taken, put):
                yield from (
                    (("same", taken[e:f]),)
                    if kind == "equal"
                    else (
                        ("removed", taken[e:f]),
                        ("added", put[g:h]),
                    )
                )


def _alike(taken: str, put: str) -> bool:
    """Tell whether two stretches are close enough for a reader to follow their comparison letter by letter."""
    return max(len(taken), len(put)) <= _CLOSELY and SequenceMatcher(None, taken, put, autojunk=False).ratio() > _ALIKE


def _blocks(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _merged(pairs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbours of one kind, and leave out what is empty."""
    kept: list[tuple[str, str]] = []
    for kind, text in pairs:
        if text and kept and kept[-1][0] == kind:
            kept[-1] = (kind, kept[-1][1] + text)
        elif text:
            kept.append((kind, text))
    yield from kept


def _shortened(text: str, *, first: bool, last: bool) -> str:
    if len(text) <= 2 * _AROUND + 1:
        return text
    head, tail = "" if first else text[:_AROUND], "" if last else text[-_AROUND:]
    return f"{head} \u2026 {tail}" if head or tail else f"{text[: 2 * _AROUND]} \u2026"


def _boxed(text: str) -> tuple[tuple[str, bool], ...]:
    parts: list[tuple[str, bool]] = []
    for character in text:
        name = box(character)
        if name or not parts or parts[-1][1]:
            parts.append((name or character, bool(name)))
        else:
            parts[-1] = (parts[-1][0] + character, False)
    return tuple(parts)
