"""Spelling correction: words that nobody knows become the nearest known ones before a model reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from unfooled.core.errors import InputError
from unfooled.sets.chars import typos
from unfooled.sets.pieces import LETTERS


@dataclass(frozen=True)
class Spelling:
    """Puts the nearest known word in the place of an unknown one: text -> text, for `text_model(..., before=...)`.

    Known words, capitals aside, stay, and so does what lies nearer to none. Of equally near words the one that was met
    most often is taken. Real words that are put in the place of others pass.

    Attributes:
        words: How often each known word was met, in small letters.
        most: Typos that are mended in a word, 1 or 2.

    Reference:
        Pruthi, Dhingra and Lipton. Combating adversarial misspellings with robust word recognition. ACL 2019.
        https://arxiv.org/abs/1905.11268, section 3.
        Differs from the paper: the nearest word of a list by Damerau and Levenshtein's distance, found by what both
        become when letters are left out, in place of a recurrent network that reads the context.
    """

    words: Mapping[str, int] = field(repr=False)
    most: int = 2

    def __post_init__(self) -> None:
        if not self.words or self.most not in (1, 2):
            found = f"{len(self.words)} words, {self.most} typos"
            raise InputError("A spelling needs known words, and mends 1 or 2 typos", found, "Learn it from texts.")

    @staticmethod
    def learned(texts: Iterable[str], most: int = 2) -> Spelling:
        """Learn the words of some texts, such as those that the model was trained on."""
        return Spelling(Counter(word.lower() for text in texts for word in LETTERS.findall(text)), most)

    @cached_property
    def _shortened(self) -> dict[str, list[str]]:
        """What words become when up to `most` letters are left out, and of which words."""
        index: dict[str, list[str]] = {}
        for word in self.words:
            for short in _shorter(word, self.most):
                index.setdefault(short, []).append(word)
        return index

    def __call__(self, text: str) -> str:
        """Mend a text; what stands between words stays."""
        pieces = LETTERS.split(text)
        pieces[1::2] = [self._mended(word) for word in pieces[1::2]]
        return "".join(pieces)

    def _mended(self, word: str) -> str:
        lower = word.lower()
        if lower in self.words:
            return word
        near = {one for short in _shorter(lower, self.most) for one in self._shortened.get(short, ())}
        ranked = ((typos(lower, one), -self.words[one], one) for one in near)
        best = min((rank for rank in ranked if rank[0] <= self.most), default=None)
        if best is None:
            return word
        return best[2].capitalize() if word[:1].isupper() else best[2]


def _shorter(word: str, most: int) -> set[str]:
    """List what a word becomes when up to `most` of its letters are left out."""
    kept = (keep for out in range(min(most, len(word)) + 1) for keep in combinations(range(len(word)), len(word) - out))
    return {"".join(word[i] for i in keep) for keep in kept}
