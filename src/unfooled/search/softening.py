"""Climb a distribution over the edits of a text through its embeddings, then draw texts from it and ask about them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.tokens import Inside, Slope

from .drafts import Asked, Draft, Search
from .flips import Flip, places, promising

_RATE, _DECAYS, _TINY = 0.3, (0.9, 0.999), 1e-8
"""Of Adam, over logits."""


@dataclass(frozen=True)
class _Choices:
    """What may stand in some places of a text.

    Attributes:
        flips: Edits of each place, (p, c) in all.
        tokens: The tokens of each place.
        shifts: What each edit adds to these tokens' embeddings, (p, c + 1, d): nothing for the first, the word itself.
        real: Which choices there are, (p, c + 1) bool.
    """

    flips: list[list[Flip]]
    tokens: list[list[int]]
    shifts: Tensor
    real: Tensor

    def moved(self, weights: Tensor, size: int) -> Tensor:
        """Add up what weighted choices (p, c + 1) add to the embeddings of a text of so many tokens, (size, d)."""
        each = (weights.unsqueeze(2) * self.shifts).sum(dim=1)
        moved = each.new_zeros(size, each.shape[1])
        for tokens, shift in zip(self.tokens, each, strict=True):
            moved[tokens] += shift
        return moved

    def picked(self, logits: Tensor, edits: int) -> dict[int, str]:
        """Take the best choice of each place, (p, c + 1), in as many places as may be edited: where it leads most."""
        best = logits[:, 1:].max(dim=1)
        lead = (best.values - logits[:, 0]).tolist()
        chosen = sorted((i for i in range(len(lead)) if lead[i] > 0), key=lambda i: -lead[i])[:edits]
        return {self.flips[i][0].site: self.flips[i][int(best.indices[i])].piece for i in chosen}


def soften(draft: Draft, inside: Inside, *, steps: int, samples: int, choices: int, words: int, spare: bool) -> Search:
    """Climb logits over the most promising edits of each word with Gumbel noise, then ask about texts drawn from them.

    Args:
        draft: The text.
        inside: The model's.
        steps: Of the climb, 1 or more.
        samples: Texts drawn, 1 or more; the likeliest one comes before them.
        choices: Edits of a word, 1 or more.
        words: How many words are edited at most, 1 or more.
        spare: Whether function words are left alone.
    """
    if not draft.edits:
        return
    seen: list[Slope] = []
    yield Asked([draft.text], probes=True, slopes=seen)
    found = _choices(draft, promising(draft, inside, seen[0], {}, words=words, spare=spare), seen[0], choices)
    if found is None:
        return
    logits = torch.zeros(found.real.shape).masked_fill(~found.real, -torch.inf)
    first, second, size = (
        torch.zeros_like(found.shifts[..., 0]),
        torch.zeros_like(found.shifts[..., 0]),
        len(seen[0].grad),
    )
    for step in range(steps):
        weights = (logits + _gumbel(draft, logits, step)).softmax(dim=1)
        climbs: list[Slope] = []
        yield Asked([draft.text], probes=True, slopes=climbs, moved=[found.moved(weights, size)])
        grad = _gradient(found, weights, climbs[0].grad, draft.edits)
        first = _DECAYS[0] * first + (1 - _DECAYS[0]) * grad
        second = _DECAYS[1] * second + (1 - _DECAYS[1]) * grad.square()
        sizes = [1 - decay ** (step + 1) for decay in _DECAYS]
        logits = logits + _RATE * (first / sizes[0]) / ((second / sizes[1]).sqrt() + _TINY)
    drawn = [logits, *(logits + _gumbel(draft, logits, steps + i) for i in range(samples))]
    texts = dict.fromkeys(draft.written(found.picked(one, draft.edits)) for one in drawn)
    yield Asked(list(texts))


def _choices(draft: Draft, flips: list[Flip], slope: Slope, most: int) -> _Choices | None:
    by_site: dict[int, list[Flip]] = {}
    for one in flips:
        by_site.setdefault(one.site, []).append(one)
    if not by_site:
        return None
    kept = [some[:most] for some in by_site.values()]
    tokens = places(draft, {}, slope)
    shifts = torch.zeros(len(kept), 1 + max(map(len, kept)), slope.grad.shape[1])
    real = torch.zeros(shifts.shape[:2], dtype=torch.bool)
    for i, some in enumerate(kept):
        shifts[i, 1 : 1 + len(some)] = torch.stack([one.shift for one in some])
        real[i, : 1 + len(some)] = True
    return _Choices(kept, [tokens[site] for site in by_site], shifts, real)


def _gumbel(draft: Draft, logits: Tensor, draw: int) -> Tensor:
    lots = torch.tensor(draft.lots(logits.numel(), "gumbel", draw)).view(logits.shape)
    return -(-(lots.clamp(1e-6, 1 - 1e-6)).log()).log()


def _gradient(found: _Choices, weights: Tensor, grad: Tensor, edits: int) -> Tensor:
    """Give the gradient for the logits, (p, c + 1), of the loss less what too many edits cost.

    An edit too many costs as much as the best choice of the best place gains.
    """
    gains = torch.stack([(found.shifts[i] @ grad[tokens].sum(dim=0)) for i, tokens in enumerate(found.tokens)])
    if float((1 - weights[:, 0]).sum()) > edits:
        gains = gains - gains.amax() * (torch.arange(gains.shape[1]) > 0)
    spread = weights * (gains - (weights * gains).sum(dim=1, keepdim=True))
    return spread.masked_fill(~found.real, 0.0)
