"""Votes over texts of which only some words are shown: a smoothed classifier, and what its votes prove."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch

from unfooled.core.errors import InputError
from unfooled.core.rates import clopper_pearson
from unfooled.core.seeds import Draws
from unfooled.sets.pieces import LETTERS

Scored = Callable[[list[str]], np.ndarray]
"""Texts (r,) -> scores (r, k)."""


class Certified(NamedTuple):
    """What is proven of a text.

    Attributes:
        label: What the smoothed classifier answers; -1 where the votes do not tell.
        words: How many of its words may be replaced by any others, whichever, without changing that; -1 without label.
    """

    label: int
    words: int


@dataclass(frozen=True)
class RandomMasks:
    """Asks a classifier about copies of a text in which most words are masked, and counts its votes.

    A function from texts to shares of votes (r, k), for `text_model`. Which words are masked hangs on the number of
    words alone, so the same text gets the same answer, and whoever knows the masks may attack through them; where
    there are no more ways to mask than votes, each way votes once.

    Attributes:
        model: The classifier; it should have been trained on texts masked in this way (`masked`).
        shown: Share of the words that are shown, above 0 to 1; one word at least.
        votes: Copies of each text, 1 or more.
        mask: What stands in place of a word.
        seed: Of the masks.

    Reference:
        Zeng, Xu, Zheng and Huang. Certified robustness to text adversarial attacks by randomized [MASK].
        Computational Linguistics 49(2), 2023. https://arxiv.org/abs/2105.03743, sections 3.2 to 3.4 and theorem 1.
        Differs from the paper: its factor beta is 1, the bound that needs no estimate; masks are the same for every
        text of so many words, while a certificate draws its own; with few words all masks vote, and nothing is drawn.
    """

    model: Scored
    shown: float = 0.3
    votes: int = 64
    mask: str = "[MASK]"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.shown <= 1 or self.votes < 1:
            found = f"{self.shown:g} shown, {self.votes} votes"
            raise InputError("Some words are shown, and somebody votes", found, "Give shown=0.3, votes=64.")

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Give the share of votes for each class, (r, k) float32."""
        return np.stack([self._counted(text, "votes", self.votes)[0] for text in texts]).astype(np.float32)

    def masked(self, texts: Sequence[str], draw: int = 0) -> list[str]:
        """Mask each text once, in its own way: what to train the classifier on; another `draw` masks anew."""
        draws, ids = Draws.of(self.seed, "training masks"), torch.arange(len(texts))
        shown = []
        for i, text in enumerate(texts):
            pieces = LETTERS.split(text)
            words = len(pieces) // 2
            lots = draws.uniform((words,), ids[i : i + 1], "words", draw)[0]
            shown.append(self._written(pieces, lots.argsort(stable=True)[: self.kept(words)].tolist()))
        return shown

    def certify(self, texts: Sequence[str], votes: int = 1000, level: float = 0.999) -> list[Certified]:
        """Prove how many words of each text may be replaced, each with probability `level` over the masks drawn.

        The label is that of most votes. A replaced word matters only where it is shown: of so many words, d of which
        are replaced, a mask shows none of these with probability C(n - d, k) / C(n, k), so the share of votes for a
        class falls by no more than one minus that, and what is left must exceed a half.

        Args:
            texts: The texts.
            votes: Masks drawn for each.
            level: Confidence, 0 to 1; where all masks vote, the result is certain.
        """
        found = []
        for text in texts:
            shares, count = self._counted(text, f"certificate {text}", votes)
            words, label = len(LETTERS.split(text)) // 2, int(shares.argmax())
            every = math.comb(words, self.kept(words))
            hits = round(float(shares[label]) * count)
            # one-sided at the level: the lower end of a two-sided interval that misses twice as often
            low = float(shares[label]) if every <= votes else clopper_pearson(hits, count, 2 * level - 1).low
            proven = (d for d in range(words, -1, -1) if low - 1 + self._untouched(words, d) > 0.5)
            proof = next(proven, -1)
            found.append(Certified(label if proof >= 0 else -1, proof))
        return found

    def kept(self, words: int) -> int:
        """Say how many of so many words are shown."""
        return min(words, max(1, round(self.shown * words)))

    def _untouched(self, words: int, replaced: int) -> float:
        kept = self.kept(words)
        return math.comb(words - replaced, kept) / math.comb(words, kept)

    def _counted(self, text: str, tag: str, votes: int) -> tuple[np.ndarray, int]:
        """Count votes on a text: their shares (k,), and how many there were."""
        pieces = LETTERS.split(text)
        copies = [self._written(pieces, shown) for shown in self._ways(len(pieces) // 2, tag, votes)]
        told = self.model(copies)
        return np.bincount(np.asarray(told).argmax(axis=1), minlength=told.shape[1]) / len(copies), len(copies)

    def _ways(self, words: int, tag: str, votes: int) -> Iterator[Sequence[int]]:
        kept = self.kept(words)
        if math.comb(words, kept) <= votes:
            yield from combinations(range(words), kept)
            return
        lots = Draws.of(self.seed, "masks").uniform((votes, words), torch.tensor([words]), tag)[0]
        yield from lots.argsort(dim=1, stable=True)[:, :kept].tolist()

    def _written(self, pieces: list[str], shown: Sequence[int]) -> str:
        seen = {2 * word + 1 for word in shown}
        return "".join(piece if i % 2 == 0 or i in seen else self.mask for i, piece in enumerate(pieces))
