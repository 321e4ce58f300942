"""Characters that cannot be seen, and characters that cannot be told apart."""

from __future__ import annotations

import unicodedata

INVISIBLE = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u00ad\u034f\u180e\ufeff\u200e\u200f"
"""Characters of no width that may stand anywhere: joiners, marks, soft hyphen. They draw nothing in common fonts."""

_LOOKALIKES = {
    "a": "\u0430", "c": "\u0441\u03f2", "d": "\u0501", "e": "\u0435", "g": "\u0261", "h": "\u04bb", "i": "\u0456",
    "j": "\u0458\u03f3", "k": "\u03ba", "l": "\u04cf", "n": "\u0578", "o": "\u043e\u03bf", "p": "\u0440\u03c1",
    "q": "\u051b", "s": "\u0455", "u": "\u03c5", "v": "\u03bd", "w": "\u051d", "x": "\u0445", "y": "\u0443",
    "z": "\u1d22", "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421\u03f9", "E": "\u0415\u0395", "G": "\u050c",
    "H": "\u041d\u0397", "I": "\u0406\u0399", "J": "\u0408", "K": "\u041a\u039a", "M": "\u041c\u039c", "N": "\u039d",
    "O": "\u041e\u039f", "P": "\u0420\u03a1", "S": "\u0405", "T": "\u0422\u03a4", "V": "\u0474", "W": "\u051c",
    "X": "\u0425\u03a7", "Y": "\u04ae\u03a5", "Z": "\u0396",
}  # fmt: skip
"""Latin letters, and letters of other scripts that are drawn alike."""

HOMOGLYPHS: dict[str, tuple[str, ...]] = {letter: tuple(others) for letter, others in _LOOKALIKES.items()}
"""What looks like a character, by the character.

Reference:
    Unicode Technical Standard 39, Unicode Security Mechanisms, section 4: confusables.
    Differs from the standard: a hand-picked part of its table, of single characters that share a glyph in common fonts.
"""

PLAIN: dict[str, str] = {other: letter for letter, others in HOMOGLYPHS.items() for other in others}
"""The plain character that another looks like."""


def seen(character: str) -> bool:
    """Tell whether a character draws something, or is a plain space."""
    return character == " " or unicodedata.category(character)[0] in "LNPS"


def box(character: str) -> str:
    """Name a character that cannot be seen, or acts on others, such as `U+200B`; empty for one that can be shown."""
    shown = character in " \n" or unicodedata.category(character)[0] in "LMNPS"
    return "" if shown and character not in INVISIBLE else f"U+{ord(character):04X}"
