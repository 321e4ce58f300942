"""Let gradients at the embeddings of a text propose edits, and let real answers decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import NamedTuple

import torch
from torch import Tensor

from unfooled.core.tokens import Inside, Slope

from .drafts import Asked, Draft, Search
from .wordwise import sites


class Flip(NamedTuple):
    """An edit and how much it promises.

    Attributes:
        site: Place of the word.
        piece: What would stand there.
        gain: First-order estimate of what the loss gains.
        shift: What the mean embedding of the word's tokens is moved by, (d,).
    """

    site: int
    piece: str
    gain: float
    shift: Tensor


def places(draft: Draft, edited: dict[int, str], slope: Slope) -> dict[int, list[int]]:
    """Find the tokens of every piece of a text as it is edited: tokens by place, only of pieces that have any."""
    found, begin = {}, 0
    for site, clean in enumerate(draft.pieces):
        end = begin + len(edited.get(site, clean))
        found[site] = slope.tokens.within(begin, end)
        begin = end
    return {site: tokens for site, tokens in found.items() if tokens}


def promising(
    draft: Draft, inside: Inside, slope: Slope, edited: dict[int, str], *, words: int, spare: bool
) -> list[Flip]:
    """Estimate every further edit of the words that matter most: the most promising of each word, then the second ones.

    A word counts as the mean embedding of its tokens. With g the sum of the gradients at these, replacing mean e by
    mean f gains about (f - e) g, and a word matters by what it loses beside one of the mean embedding of all tokens.

    Args:
        draft: The text.
        inside: The model's.
        slope: At the text as it is edited.
        edited: What stands in some places.
        words: How many words are edited at most, 1 or more.
        spare: Whether function words are left alone.
    """
    tokens = places(draft, edited, slope)
    known = [site for site in sites(draft, spare=spare) if site in tokens]
    pull = {site: slope.grad[tokens[site]].sum(dim=0) for site in known}
    mean = {site: slope.embeddings[tokens[site]].mean(dim=0) for site in known}
    each = _worth(inside, slope)
    worth = {site: float(each[tokens[site]].sum()) for site in known}
    tries = [
        (site, one)
        for site in sorted(known, key=worth.__getitem__)[:words]
        for kind in draft.within.neighbours(edited.get(site, draft.pieces[site]), draft.pieces[site])
        for one in kind
    ]
    if not tries:
        return []
    before = {site: draft.pieces[site - 1][-1:] for site in known}
    shifts = torch.stack([mean[site] for site, _ in tries]).neg() + means(
        inside, [(before[site], one) for site, one in tries]
    )
    gains = (shifts * torch.stack([pull[site] for site, _ in tries])).sum(dim=1).tolist()
    flips = sorted(
        (Flip(*one, gain, shift) for one, gain, shift in zip(tries, gains, shifts, strict=True)),
        key=lambda flip: -flip.gain,
    )
    before_it: Counter[int] = Counter()
    ranks = []
    for one in flips:
        ranks.append(before_it[one.site])
        before_it[one.site] += 1
    return [flips[i] for i in sorted(range(len(flips)), key=ranks.__getitem__)]


def means(inside: Inside, pieces: list[tuple[str, str]]) -> Tensor:
    """Give the mean embedding of the tokens of each piece, (m, d), as it stands behind what comes first in the pair."""
    told = inside.tokens([before + piece for before, piece in pieces])
    own = [[one.numbers[i] for i in one.within(len(before), len(before) + len(piece))]
           for one, (before, piece) in zip(told, pieces, strict=True)]  # fmt: skip
    width = max(1, *map(len, own))
    numbers = torch.tensor([one + [0] * (width - len(one)) for one in own])
    real = torch.arange(width) < torch.tensor([[len(one)] for one in own])
    return (inside.embeddings[numbers] * real.unsqueeze(2)).sum(dim=1) / real.sum(dim=1, keepdim=True).clamp(min=1)


def by_gradient(
    draft: Draft, sought: list[int], inside: Inside
) -> Generator[Asked, list[float], tuple[float, list[float]]]:
    """Tell how much words matter by one gradient, in place of a question a word: see `wordwise.ranked`."""
    seen: list[Slope] = []
    (level,) = yield Asked([draft.text], probes=True, slopes=seen)
    tokens, worth = places(draft, {}, seen[0]), _worth(inside, seen[0])
    return level, [-float(worth[tokens.get(site, [])].sum()) for site in sought]


def _worth(inside: Inside, slope: Slope) -> Tensor:
    """Estimate what each token is worth to the loss beside a token of the mean embedding, (t,)."""
    return ((slope.embeddings - inside.embeddings.mean(dim=0)) * slope.grad).sum(dim=1)


def flip(draft: Draft, inside: Inside, tried: int, words: int, *, spare: bool) -> Search:
    """Make the edit that really gains most of those that promise most, again and again.

    Where none of them gains, the next ones are asked about. Whenever some gain, all of them are also tried together,
    as many as the text still bears: where a model is nearly linear, that ends the search at once.

    Args:
        draft: The text.
        inside: The model's.
        tried: How many edits are asked about together, 1 or more.
        words: How many words are edited at most, 1 or more.
        spare: Whether function words are left alone.
    """
    edited: dict[int, str] = {}
    for made in range(draft.edits):
        seen: list[Slope] = []
        (level,) = yield Asked([draft.written(edited)], probes=True, slopes=seen)
        flips = promising(draft, inside, seen[0], edited, words=words, spare=spare)
        gaining: dict[int, str] = {}
        for begin in range(0, len(flips), tried):
            some = flips[begin : begin + tried]
            told = yield Asked([draft.written({**edited, one.site: one.piece}) for one in some])
            gaining = _gaining(some, told, level)
            if gaining:
                break
        if not gaining:
            return
        together = dict(list(gaining.items())[: draft.edits - made])
        if len(together) > 1:
            yield Asked([draft.written({**edited, **together})])
        edited.update(list(gaining.items())[:1])


def _gaining(flips: list[Flip], told: list[float], level: float) -> dict[int, str]:
    """Give the best edit of each word that gains, by place, the one that gains most first."""
    ranked = sorted(zip(told, flips, strict=True), key=lambda pair: -pair[0])
    best: dict[int, str] = {}
    for loss, one in ranked:
        if loss > level:
            best.setdefault(one.site, one.piece)
    return best
