"""Input reduction: how few words of a text a model needs to answer as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.target import Access, Objective, Target
from unfooled.core.texts import batch_of
from unfooled.models.black_box import check_grant
from unfooled.models.classifier import wrap
from unfooled.sets.pieces import LETTERS


@dataclass(frozen=True)
class Reduced:
    """A text, and what is left of it while the model answers as before.

    Attributes:
        text: The text.
        left: What is left.
        label: What the model answers to both.
        words: How many words the text has, and how many are left.
        confidence: Probability of that answer to what is left, by a softmax of the scores.
        queries: What it cost.
    """

    text: str
    left: str
    label: int
    words: tuple[int, int]
    confidence: float
    queries: int


def reduced(model: object, texts: Sequence[str], *, batch: int = 64, seed: int = 0) -> list[Reduced]:
    """Leave words out of texts, one after another, for as long as a model's answer stays.

    In each round every word that is left is left out alone, and the one stays out without which the model is surest. A
    model that is as sure of two odd words as of the whole text has learned something else than to read.

    Args:
        model: As in `audit`; it must give scores.
        texts: The texts, of one word or more each.
        batch: Rows of a pass.
        seed: Reseeds a stochastic model.

    Reference:
        Feng, Wallace, Grissom, Iyyer, Rodriguez and Boyd-Graber. Pathologies of neural models make interpretations
        difficult. EMNLP 2018. https://arxiv.org/abs/1804.07781, section 2.
        Differs from the paper: real answers rank words, not gradients, and one draft is kept, no beam.

    Raises:
        AccessError: The model tells labels only.
    """
    adapter = wrap(model)
    check_grant(adapter, Access.SCORES)
    target = Target(adapter, Access.SCORES, len(texts), batch=batch, seed=seed)
    found = []
    for i, text in enumerate(texts):
        pieces = LETTERS.split(text)
        (label, sure), *_ = _told(target, i, [text], None)
        left = list(range(1, len(pieces), 2))
        while len(left) > 1:
            drafts = [[other for other in left if other != place] for place in left]
            told = _told(target, i, [_written(pieces, one) for one in drafts], label)
            best = max(range(len(told)), key=lambda j: (told[j][0] == label, told[j][1]))
            if told[best][0] != label:
                break
            left, sure = drafts[best], told[best][1]
        queries = int(target.spent.answers()[i])
        found.append(Reduced(text, _written(pieces, left), label, (len(pieces) // 2, len(left)), sure, queries))
    return found


def _told(target: Target, owner: int, texts: list[str], label: int | None) -> list[tuple[int, float]]:
    """Give the answer to each text, and the probability of a label, by default of the answer itself."""
    owners = torch.full((len(texts),), owner)
    seen = target.losses(batch_of(texts, owners, max(map(len, texts))), _probability(label), owners)
    return list(zip(seen.answer.labels.tolist(), seen.loss.tolist(), strict=True))


def _probability(label: int | None) -> Objective:
    def of(scores: Tensor, owner: Tensor) -> Tensor:
        shares = scores.softmax(dim=1)
        return shares.amax(dim=1) if label is None else shares[:, label]

    return of


def _written(pieces: list[str], kept: Sequence[int]) -> str:
    """Write the words that are kept, and what stands behind them."""
    return "".join(pieces[place] + pieces[place + 1] for place in kept)
