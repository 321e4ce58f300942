"""Tables of words for `listed:`: what a model's embeddings hold for near, or what a masked model would write."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch

from unfooled.core.function_words import FUNCTION_WORDS
from unfooled.core.tokens import Inside
from unfooled.search.flips import means
from unfooled.sets.pieces import LETTERS
from unfooled.sets.wordnet import installed
from unfooled.sets.words import opposed

Fill = Callable[[str, str], Sequence[str]]
"""What stands before and behind a gap -> words that a masked language model would put there, likeliest first."""


def near_words(inside: Inside, texts: Iterable[str], most: int = 8) -> dict[str, list[str]]:
    """List for each word of some texts the other words of them whose embeddings lie nearest, by their cosine.

    A word counts as the mean embedding of its tokens. Embeddings hold opposites for near, so WordNet is asked: the
    words must be of one kind, and no opposites; function words stay.

    Args:
        inside: The model's.
        texts: Where the words come from.
        most: Words listed for each, 1 or more.

    Raises:
        InputError: WordNet is not installed.
    """
    words = sorted({word.lower() for text in texts for word in LETTERS.findall(text)} - FUNCTION_WORDS)
    if not words:
        return {}
    vectors = means(inside, [(" ", word) for word in words])
    units = torch.nn.functional.normalize(vectors - vectors.mean(dim=0), dim=1)
    found = {}
    for word, row in zip(words, units, strict=True):
        order = (units @ row).argsort(descending=True, stable=True).tolist()
        found[word] = _fitting(word, (words[i] for i in order), most)
    return {word: some for word, some in found.items() if some}


def filled_words(fill: Fill, texts: Iterable[str], most: int = 8) -> dict[str, list[str]]:
    """List for each word of some texts what a masked language model would write in its place, most often met first.

    WordNet is asked as by `near_words`.

    Args:
        fill: The masked model.
        texts: Where the words stand.
        most: Words listed for each, 1 or more.

    Reference:
        Garg and Ramakrishnan. BAE: BERT-based adversarial examples for text classification. EMNLP 2020.
        https://arxiv.org/abs/2004.01970, section 3: BAE-R.
        Differs from the paper: what a word's contexts suggest is gathered in one table, so that anybody can check an
        adversarial text without the masked model; WordNet's opposites and kinds stand in for the sentence encoder.

    Raises:
        InputError: WordNet is not installed.
    """
    met: dict[str, Counter[str]] = {}
    for text in texts:
        pieces = LETTERS.split(text)
        for i in range(1, len(pieces), 2):
            word = pieces[i].lower()
            if word not in FUNCTION_WORDS:
                suggested = fill("".join(pieces[:i]), "".join(pieces[i + 1 :]))
                met.setdefault(word, Counter()).update(one.lower() for one in suggested)
    found = {word: _fitting(word, (one for one, _ in some.most_common()), most) for word, some in sorted(met.items())}
    return {word: some for word, some in found.items() if some}


def write_table(path: str | Path, table: Mapping[str, Sequence[str]]) -> None:
    """Write a table for `listed:RADIUS@FILE`."""
    Path(path).write_text(json.dumps({word: list(some) for word, some in table.items()}, indent=0), encoding="utf-8")


def _fitting(word: str, others: Iterable[str], most: int) -> list[str]:
    wordnet, found = installed(), []
    kind = wordnet.kind(word)
    for one in others:
        if kind and one != word and one not in FUNCTION_WORDS and wordnet.kind(one) == kind and not opposed(word, one):
            found.append(one)
            if len(found) == most:
                break
    return found
