"""Made-up reviews, and a small network of words that tells good ones from bad ones; knows nothing of unfooled."""

from __future__ import annotations

import random
import re

import numpy as np
import torch
from torch import Tensor, nn

_WORDS = {
    "good": """wonderful great good funny moving fine superb charming clever warm fresh brilliant gripping lovely honest
    rich elegant tender bright vivid smart delightful memorable touching lively witty graceful strong subtle
    original""",
    "bad": """terrible awful bad dull boring poor tedious clumsy stale weak shallow lifeless messy dreary silly lazy
    loud cheap muddled hollow sloppy pointless grim flat forced predictable annoying confused cold bland""",
    "thing": """film story plot music cast ending dialogue scene camera script actor direction picture drama comedy""",
    "filler": """evening people city summer house road train winter family river window morning letter garden market""",
}
GOOD, BAD, THINGS, FILLERS = (words.split() for words in _WORDS.values())
FRAMES = (
    "the {t} is {p} and the {t} remains {p}",
    "a {p} {t} about a {f} near the {f}",
    "people call the {t} {p} even with its {n} {t}",
    "every {t} feels {p} after the {f}",
    "watching the {t} during a {f} seems {p}",
    "this {p} {t} follows a {f} through the {f}",
)


def reviews(n: int, seed: int) -> tuple[list[str], list[int]]:
    """Make n reviews of two or three sentences; about one word of opinion in five speaks for the other side."""
    lots = random.Random(seed)
    texts, labels = [], []
    for _ in range(n):
        label = lots.randrange(2)
        own, other = (GOOD, BAD) if label else (BAD, GOOD)
        sentences = []
        for _ in range(lots.choice((2, 3))):
            kinds = {"t": THINGS, "f": FILLERS, "n": other}
            parts = re.split(r"\{(.)\}", lots.choice(FRAMES))
            for place in range(1, len(parts), 2):
                said = kinds.get(parts[place]) or (other if lots.random() < 0.2 else own)
                parts[place] = lots.choice(said)
            sentences.append("".join(parts).capitalize() + ".")
        texts.append(" ".join(sentences))
        labels.append(label)
    return texts, labels


class WordNet(nn.Module):
    """Embeddings of known words, a convolution over three of them, the maximum, a linear layer."""

    def __init__(self, known: int) -> None:
        super().__init__()
        self.words = nn.Embedding(known + 2, 32, padding_idx=0)
        self.mix = nn.Conv1d(32, 96, 3, padding=1)
        self.last = nn.Linear(96, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        told: Tensor = self.last(self.mix(self.words(tokens).transpose(1, 2)).relu().amax(dim=2))
        return told


class Victim:
    """A classifier from a list of texts to scores (r, 2), trained in some seconds, on reviews unless told otherwise."""

    def __init__(self, seed: int = 0, epochs: int = 4, taught: tuple[list[str], list[int]] | None = None) -> None:
        torch.manual_seed(seed)
        texts, labels = reviews(2000, 1000 + seed) if taught is None else taught
        known = sorted({word for text in texts for word in self.split(text)})
        self.index = {word: place + 2 for place, word in enumerate(known)}
        self.net = WordNet(len(known))
        tokens, y = self.tokens(texts), torch.tensor(labels)
        steps = torch.optim.Adam(self.net.parameters(), 3e-3)
        for _ in range(epochs):
            for rows in torch.randperm(len(texts)).split(64):
                steps.zero_grad()
                hidden = torch.where(torch.rand(tokens[rows].shape) < 0.1, 1, tokens[rows])  # it meets unknown words
                nn.functional.cross_entropy(self.net(hidden * (tokens[rows] > 0)), y[rows]).backward()
                steps.step()
        self.net.eval()

    @staticmethod
    def split(text: str) -> list[str]:
        """Cut a text into words in small letters."""
        return re.findall(r"\w+", text.lower())

    def tokens(self, texts: list[str]) -> Tensor:
        """Number the words, (r, 48): 1 for unknown ones, 0 behind the last."""
        rows = np.zeros((len(texts), 48), np.int64)
        for row, text in zip(rows, texts, strict=True):
            numbers = [self.index.get(word, 1) for word in self.split(text)][:48]
            row[: len(numbers)] = numbers
        return torch.from_numpy(rows)

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Score texts, (r, 2)."""
        with torch.no_grad():
            scores: np.ndarray = self.net(self.tokens(list(texts))).numpy()
        return scores
