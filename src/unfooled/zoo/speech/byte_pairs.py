"""Byte-pair encoding as GPT-2 and Whisper have it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_WORDS = re.compile(r"'(?:[stmd]|re|ve|ll)| ?[^\W\d_]+| ?\d+| ?(?:[^\w\s]|_)+|\s+(?!\S)|\s+")
"""Contractions, words and numbers with the space before them, punctuation, spaces."""


def _letters() -> dict[int, str]:
    """Give each byte a letter that prints: itself where it does, else one from U+0100 on."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printed]
    return {byte: chr(byte) for byte in printed} | {byte: chr(256 + place) for place, byte in enumerate(others)}


_LETTERS = _letters()
_BYTES = {letter: byte for byte, letter in _LETTERS.items()}


@dataclass(frozen=True)
class BytePairs:
    r"""From a text to tokens and back.

    Reference:
        Sennrich, Haddow and Birch. Neural machine translation of rare words with subword units. ACL 2016.
        https://arxiv.org/abs/1508.07909, section 3.2. Over bytes: Radford, Wu, Child, Luan, Amodei and Sutskever.
        Language models are unsupervised multitask learners. 2019, section 2.2.
        Differs from the paper: a digit is what `\d` matches, without fractions and numerals of other kinds.

    Attributes:
        tokens: Of each part.
        parts: Of each token.
        ranks: Of each pair of parts that may be joined, the one learned first at 0.
    """

    tokens: Mapping[str, int]
    parts: Mapping[int, str]
    ranks: Mapping[tuple[str, ...], int]

    @classmethod
    def of(cls, vocabulary: Mapping[str, int], merges: Sequence[str]) -> BytePairs:
        """Take a vocabulary, and its merges as they were learned: two parts with a space between them."""
        ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
        return cls(vocabulary, {token: part for part, token in vocabulary.items()}, ranks)

    def spell(self, text: str) -> list[int]:
        """Give the tokens of a text: the pair of parts that was learned first is joined first."""
        return [self.tokens[part] for word in _WORDS.findall(text) for part in self._joined(word)]

    def text(self, tokens: Sequence[int]) -> str:
        """Give the text of tokens; those that stand for no text, such as the end's, write nothing."""
        letters = "".join(self.parts.get(token, "") for token in tokens)
        return bytes(_BYTES[letter] for letter in letters).decode("utf-8", errors="replace")

    def _joined(self, word: str) -> list[str]:
        parts = [_LETTERS[byte] for byte in word.encode()]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if best not in self.ranks:
                break
            merged: list[str] = []
            for part in parts:
                if merged and (merged[-1], part) == best:
                    merged[-1] += part
                else:
                    merged.append(part)
            parts = merged
        return parts
