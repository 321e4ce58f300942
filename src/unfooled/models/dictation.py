"""Dictation: sequence-to-sequence models, which write token after token and are fed what they wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from unfooled.core.answer import Transcripts
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.transcripts import label_of, normalised
from unfooled.core.writing import SOME

from .apart import each

_FIRM = 1e-3
"""Score by which every token must lead, for a transcript that no float sum can change."""


class Dictating(Protocol):
    """What a sequence-to-sequence module gives beside its forward pass.

    Its forward takes (values (b, t), lengths (b,) or None, tokens (b, m) with -1 behind their ends) and gives scores
    (b, m, k): those at step i decide what stands at tokens[:, i], where tokens[:, :i] were written before. Tokens that
    the deployed decoder suppresses have scores of -inf.
    """

    def transcribe(self, values: Tensor, lengths: Tensor | None) -> Sequence[Sequence[int]]:
        """Decode as deployed: the tokens of each recording."""
        ...


@dataclass(frozen=True)
class Dictation:
    """How a sequence-to-sequence module writes: see `Dictating` for what it is called with.

    Attributes:
        spell: From a phrase to the tokens that the decoder has to write, the end of text among them.
        text: From tokens to their text.
        longest: Most tokens that the decoder writes.
        name: Of the decoder, for reports.
        takes_batches: Whether recordings of several lengths share a pass, with their lengths; else each is asked by
            itself, and the module gets None for its length.
    """

    spell: Callable[[str], list[int]]
    text: Callable[[list[int]], str]
    longest: int = 224
    name: str = "greedy"
    takes_batches: bool = False

    def spelled(self, phrase: str) -> list[int]:
        """See `Writing.spelled`."""
        return self.spell(phrase)

    def scores(self, module: nn.Module, x: Batch, tokens: Tensor | None) -> Tensor:
        """See `Writing.scores`.

        Raises:
            InputError: The model is led to no phrase: it can only be asked then.
        """
        if tokens is None:
            raise InputError(
                "A model that is fed what it wrote has scores for a phrase alone", "no phrase", "Lead it to one."
            )
        if self.takes_batches:
            return cast(Tensor, module(x.values, x.lengths, tokens))
        parts = [
            module(row.values[:, :length], None, tokens[place : place + 1])
            for place, (row, length) in enumerate(each(x))
        ]
        return torch.cat([*parts, *parts[:1] * (len(x) - len(parts))])

    def heard(self, module: nn.Module, x: Batch) -> Transcripts:
        """See `Writing.heard`."""
        write = cast(Dictating, module).transcribe
        if self.takes_batches:
            written = list(write(x.values, x.lengths))
        else:
            written = [write(row.values[:, :length], None)[0] for row, length in each(x)]
        texts = [self.text(list(tokens)) for tokens in written]
        return Transcripts.of([*texts, *texts[:1] * (len(x) - len(texts))], x.values.device)

    def read(self, scores: Tensor, tokens: Tensor | None) -> Transcripts | None:
        """See `Writing.read`: the phrase where each of its tokens leads; else all that is known is that it is another.

        Fed the phrase, a greedy decoder writes it if and only if each of its tokens is the likeliest.
        """
        if tokens is None:
            return None
        weakest = self.leads(scores, tokens).amin(dim=1)
        phrases = [label_of(self.text([token for token in row if token >= 0])) for row in tokens.tolist()]
        labels = torch.where(weakest > 0, torch.tensor(phrases, device=weakest.device), SOME)
        return Transcripts(labels, weakest.abs() >= _FIRM)

    def likelihood(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.likelihood`."""
        own = scores.log_softmax(dim=2).gather(2, tokens.clamp(min=0).unsqueeze(2)).squeeze(2)
        return torch.where(tokens >= 0, own, 0.0).sum(dim=1)

    def leads(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.leads`."""
        wanted = tokens.clamp(min=0).unsqueeze(2)
        lead = scores.gather(2, wanted).squeeze(2) - scores.scatter(2, wanted, -torch.inf).amax(dim=2)
        return torch.where(tokens >= 0, lead, torch.inf)

    def refuse(self, module: nn.Module, phrase: str, samples: int) -> None:
        """See `Writer.refuse`: the decoder writes so many tokens, whatever the recording."""
        tokens = self.spelled(phrase)
        if len(tokens) > self.longest:
            raise InputError(
                "The phrase is too long for the model",
                f"{len(normalised(phrase))} characters that take {len(tokens)} tokens, where it writes {self.longest}",
                f"Say at most about {len(normalised(phrase)) * self.longest // len(tokens)} characters.",
            )

    def describe(self) -> dict[str, Any]:
        """See `Writing.describe`."""
        return {"kind": "sequence to sequence", "decoder": self.name}
