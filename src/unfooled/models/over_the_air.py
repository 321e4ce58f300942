"""Over the air: a model of speech that hears a recording played in rooms, all at once."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unfooled.core.answer import Transcripts
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.scenes.rooms import played

from .apart import each
from .speech import Writing


@dataclass(frozen=True, eq=False)
class OverTheAir:
    """A way of writing for a model that hears what is played from several places, with noise; it keeps `Writing`.

    What is heard is what is heard in most places, and a text counts as a success where it is heard in at least a share
    of them. The likelihood of a phrase is its mean over the places: expectation over transformation. Where only some of
    the places are drawn for a recording, its own samples draw them, and its noise: so a search meets others at each
    step, one file meets the same each time, and no answer hangs on a neighbour.

    Attributes:
        writing: How the model writes without a room.
        responses: An impulse response for each place, (p, k).
        some: How many of the places are drawn for a recording; None for all of them.
        snr: By how many decibels noise is quieter than what is heard, at each place; infinite for none.
        quorum: Share of the places where a text must be heard, above 0 to 1.
        seed: Of the noise.

    Reference:
        Qin, Carlini, Goodfellow, Cottrell and Raffel. Imperceptible, robust, and targeted adversarial examples for
        automatic speech recognition. ICML 2019. https://arxiv.org/abs/1903.10346, section 5.
        Athalye, Engstrom, Ilyas and Kwok. Synthesizing robust adversarial examples. ICML 2018.
        https://arxiv.org/abs/1707.07397, section 2.
        Differs from the papers: rooms and places are fixed beforehand; noise is added.
    """

    writing: Writing
    responses: Tensor
    some: int | None = None
    snr: float = math.inf
    quorum: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        fine = self.responses.ndim == 2 and 1 <= self.places <= len(self.responses) and 0 < self.quorum <= 1
        if not fine:
            found = f"responses {tuple(self.responses.shape)}, {self.some} of them, quorum {self.quorum:g}"
            raise InputError("Recordings are played at some places", found, "Give responses (p, k), a quorum to 1.")

    @property
    def places(self) -> int:
        """At how many places each recording is played."""
        return len(self.responses) if self.some is None else self.some

    def spelled(self, phrase: str) -> list[int]:
        """See `Writing.spelled`."""
        return self.writing.spelled(phrase)

    def scores(self, module: nn.Module, x: Batch, tokens: Tensor | None) -> Tensor:
        """See `Writing.scores`: those of all places behind one another, (b, p * s, k)."""
        real = x.distinct()
        wanted = None if tokens is None else tokens[:real].repeat_interleave(self.places, dim=0)
        scores = self.writing.scores(module, self.heard_at(x), wanted)
        rows = scores.reshape(real, -1, scores.shape[2])
        return rows[[*range(real), *[0] * (len(x) - real)]]

    def heard(self, module: nn.Module, x: Batch) -> Transcripts:
        """See `Writing.heard`."""
        together = self._agreed(self.writing.heard(module, self.heard_at(x)))
        return together.rows(torch.tensor([*range(len(together)), *[0] * (len(x) - len(together))]))

    def read(self, scores: Tensor, tokens: Tensor | None) -> Transcripts | None:
        """See `Writing.read`; firm where it is heard in as many places as wanted."""
        answer = self.writing.read(*self._apart(scores, tokens))
        return None if answer is None else self._agreed(answer)

    def likelihood(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.likelihood`: the mean over the places."""
        apart, wanted = self._apart(scores, tokens)
        return (
            self.writing.likelihood(apart, wanted if wanted is not None else tokens).view(len(scores), -1).mean(dim=1)
        )

    def leads(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.leads`: those of all places behind one another."""
        apart, wanted = self._apart(scores, tokens)
        return self.writing.leads(apart, wanted if wanted is not None else tokens).view(len(scores), -1)

    def refuse(self, module: nn.Module, phrase: str, samples: int) -> None:
        """See `Writer.refuse`."""
        self.writing.refuse(module, phrase, samples)

    def describe(self) -> dict[str, Any]:
        """See `Writing.describe`; the places by their SHA-256."""
        digest = hashlib.sha256(self.responses.cpu().contiguous().numpy().tobytes()).hexdigest()
        told = {
            "count": len(self.responses),
            "some": self.some,
            "sha256": digest,
            "quorum": self.quorum,
            "seed": self.seed,
        }
        return {**self.writing.describe(), "places": {**told, "snr": self.snr if self.snr < math.inf else None}}

    def heard_at(self, x: Batch) -> Batch:
        """Play each recording at each place, (b * p, t): all places of the first one come first."""
        rows = [self._played(row.values[0, :length], x.values.shape[-1]) for row, length in each(x)]
        owner = torch.arange(len(rows), device=x.ids.device).repeat_interleave(self.places)
        return x.rows(owner).holding(torch.cat(rows))

    def _played(self, wave: Tensor, width: int) -> Tensor:
        """Play one recording (t,) at each place, (p, width) with silence behind it."""
        content = hashlib.sha256((wave.detach() + 0.0).cpu().numpy().tobytes()).digest()  # -0 and 0 are one sample
        name = torch.tensor([int.from_bytes(content[:8], "little") >> 1], device=wave.device)
        draws = Draws.of(self.seed, "air")
        lots = draws.uniform((len(self.responses),), name, "places")[0]
        chosen = torch.arange(self.places) if self.some is None else lots.argsort()[: self.places]
        heard = torch.stack([played(wave, one) for one in self.responses[chosen]])
        if self.snr < math.inf:
            size = heard.detach().square().mean(dim=1, keepdim=True).sqrt() * 10 ** (-self.snr / 20)
            heard = heard + size * draws.normal(tuple(heard.shape), name, "noise")[0]
        return nn.functional.pad(heard, (0, width - len(wave)))

    def _apart(self, scores: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Part scores (b, p * s, k) by places, (b * p, s, k), each with the tokens of its row."""
        places = self.places
        parted = scores.reshape(len(scores) * places, -1, scores.shape[2])
        if tokens is None:
            return parted, None
        return parted, tokens[:, : parted.shape[1]].repeat_interleave(places, dim=0)

    def _agreed(self, answer: Transcripts) -> Transcripts:
        """Say what is heard in most places, (b,), from what is heard in each (b * p,)."""
        places = self.places
        labels = answer.labels.view(-1, places)
        common = [Counter(row).most_common(1)[0] for row in labels.tolist()]
        most = torch.tensor([label for label, _ in common], device=labels.device)
        same = labels == most.unsqueeze(1)
        if answer.firm is not None:
            same &= answer.firm.view(-1, places)
        return Transcripts(most, same.sum(dim=1) >= self.quorum * places - 1e-9)
