"""Unicode normalisation: a text is written plainly before a model reads it."""

from __future__ import annotations

import unicodedata

from unfooled.core.characters import INVISIBLE, PLAIN

_OPENING = {"\u202a": "\u202c", "\u202b": "\u202c", "\u202d": "\u202c", "\u202e": "\u202c",
            "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}  # fmt: skip
"""Controls that begin a stretch of a direction, and the one that ends it."""

_BACKWARDS = "\u202e"
_DEEPEST = 125
"""Stretches within stretches, as the standard counts them: deeper controls do nothing."""


def normalised(text: str) -> str:
    """Write a text as it is drawn, in plain characters.

    Stretches that are drawn from right to left by force are stored in the order in which they are drawn; characters
    that draw nothing go; letters that look like Latin ones become these, in texts that are mostly Latin; what is left
    is brought into Unicode's form NFKC. Plain ASCII stays as it is. Typos, and synonyms, pass.

    Args:
        text: Any text.

    Reference:
        Boucher, Shumailov, Anderson and Papernot. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
        https://arxiv.org/abs/2106.09898, section VII-B; Unicode Standard Annexes 9 and 15, Technical Standard 39.
        Differs from the paper: characters are replaced by what they look like, where the paper draws the text and
        reads it off the picture.
    """
    if text.isascii():
        return text
    drawn, _ = _drawn(text, 0, "", 0)
    kept = "".join(one for one in drawn if one not in INVISIBLE and unicodedata.category(one) != "Cf")
    if _mostly_latin(kept):
        kept = "".join(PLAIN.get(one, one) for one in kept)
    return unicodedata.normalize("NFKC", kept)


def _drawn(text: str, at: int, opened: str, depth: int) -> tuple[str, int]:
    """Give a stretch as it is drawn, from a place to where what opened it ends, and the place behind that.

    A stretch in another that is forced backwards is drawn as a whole, in its own direction.
    """
    parts: list[str] = []
    until = _OPENING.get(opened, "")
    while at < len(text) and text[at] != until:
        if text[at] in _OPENING and depth < _DEEPEST:
            part, at = _drawn(text, at + 1, text[at], depth + 1)
        else:
            part, at = text[at], at + 1
        parts.append(part)
    return "".join(reversed(parts) if opened == _BACKWARDS else parts), at + 1


def _mostly_latin(text: str) -> bool:
    """Tell whether most of the letters that cannot be mistaken for Latin ones are Latin."""
    plain = sum(one.isascii() and one.isalpha() for one in text)
    foreign = sum(one.isalpha() and not one.isascii() and one not in PLAIN for one in text)
    return plain >= foreign
