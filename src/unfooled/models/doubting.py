"""Detectors for models that write: a recording is heard twice, and where the two hearings differ, nothing counts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from unfooled.core.answer import UNREADABLE, Transcripts
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.transcripts import character_error_rate, text_of

from .ctc import CTC
from .speech import SpeechModel


class Twice(nn.Module):
    """Two modules that hear the same recording.

    Attributes:
        plain: Hears it as it is.
        other: Hears it changed.
    """

    def __init__(self, plain: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.plain, self.other = plain, other


class Beginning(nn.Module):
    """Lets a module hear the beginning of recordings (b, t), and silence in the place of the rest."""

    def __init__(self, module: nn.Module, share: float) -> None:
        super().__init__()
        self.module, self.share = module, share

    def forward(self, values: Tensor, *rest: Tensor) -> object:
        """Answer as the module does; `rest` begins with lengths (b,), or is empty."""
        ends = torch.full((len(values),), values.shape[1], device=values.device) if not rest else rest[0]
        heard = torch.arange(values.shape[1], device=values.device) < self.share * ends.unsqueeze(1)
        return self.module(torch.where(heard, values, 0.0), *rest)


@dataclass(frozen=True)
class Doubting:
    """How a module of two hearings (`Twice`) writes: what the plain one hears, if the other does not contradict it.

    Its outputs hold the scores of both, one behind the other, and a phrase is climbed in both: so attacks on the model
    are attacks on the detector too.

    Attributes:
        writing: How either writes.
        share: Of the recording that the other hears: its text is compared to as much of the plain one's.
        limit: Share of characters that may differ; a recording beyond it is refused, as `UNREADABLE`.
    """

    writing: CTC
    share: float = 1.0
    limit: float = 0.3

    def spelled(self, phrase: str) -> list[int]:
        """See `Writing.spelled`."""
        return self.writing.spelled(phrase)

    def scores(self, module: nn.Module, x: Batch, tokens: Tensor | None) -> Tensor:
        """See `Writing.scores`: (b, 2 f, k)."""
        plain, other = module.get_submodule("plain"), module.get_submodule("other")
        return torch.cat([self.writing.scores(one, x, tokens) for one in (plain, other)], dim=1)

    def heard(self, module: nn.Module, x: Batch) -> Transcripts:
        """See `Writing.heard`."""
        return self.read(self.scores(module, x, None).float(), None)

    def read(self, scores: Tensor, tokens: Tensor | None) -> Transcripts:
        """See `Writing.read`."""
        plain, other = (self.writing.read(half, tokens) for half in scores.chunk(2, dim=1))
        doubted = [differing > self.limit for differing in self._compared(plain, other)]
        labels = torch.where(torch.tensor(doubted, device=scores.device), UNREADABLE, plain.labels)
        firm = None if plain.firm is None or other.firm is None else plain.firm & other.firm
        return Transcripts(labels, firm)

    def differing(self, module: nn.Module, x: Batch) -> list[float]:
        """Give the share of characters in which the two hearings of each recording differ."""
        with torch.no_grad():
            halves = self.scores(module, x, None).float().chunk(2, dim=1)
        return self._compared(*(self.writing.read(half, None) for half in halves))

    def likelihood(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.likelihood`: of the phrase in the plain hearing and of its share in the other."""
        plain, other = scores.chunk(2, dim=1)
        return self.writing.likelihood(plain, tokens) + self.writing.likelihood(other, self._begun(tokens))

    def leads(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.leads`: of both."""
        plain, other = scores.chunk(2, dim=1)
        return torch.cat([self.writing.leads(plain, tokens), self.writing.leads(other, self._begun(tokens))], dim=1)

    def refuse(self, module: nn.Module, phrase: str, samples: int) -> None:
        """See `Writer.refuse`; what the other hears has to hold its share."""
        self.writing.refuse(module.get_submodule("plain"), phrase, samples)

    def describe(self) -> dict[str, Any]:
        """See `Writing.describe`."""
        return {**self.writing.describe(), "doubts": {"share": self.share, "limit": self.limit}}

    def _compared(self, plain: Transcripts, other: Transcripts) -> list[float]:
        texts = zip(plain.labels.tolist(), other.labels.tolist(), strict=True)
        pairs = ((text_of(one) or "", text_of(two) or "") for one, two in texts)
        return [character_error_rate(two, one if self.share == 1 else one[: len(two)]) for one, two in pairs]

    def _begun(self, tokens: Tensor) -> Tensor:
        """Keep the first share of each phrase (r, m), -1 behind it."""
        count = (self.share * (tokens >= 0).sum(dim=1, keepdim=True)).ceil()
        return torch.where(torch.arange(tokens.shape[1], device=tokens.device) < count, tokens, -1)


def disagreeing(model: SpeechModel, change: Callable[[nn.Module], nn.Module], limit: float = 0.3) -> SpeechModel:
    """Let a model refuse what it hears otherwise after a change, such as `unfooled.defences.SOUNDS["opus"]`.

    Args:
        model: A model with a CTC head; it is left alone.
        change: From a module to one that hears changed recordings of the same length.
        limit: Share of characters that may differ.

    Raises:
        InputError: The model writes in another way.

    Reference:
        Hussain, Neekhara, Dubnov, McAuley and Koushanfar. WaveGuard: understanding and mitigating audio adversarial
        examples. USENIX Security 2021. https://arxiv.org/abs/2103.03344.
        Differs from the paper: one change at a time.
    """
    return _doubting(model, change(model.module), 1.0, limit)


def depending(model: SpeechModel, share: float = 0.5, limit: float = 0.3) -> SpeechModel:
    """Let a model refuse what begins otherwise when only its beginning is heard (temporal dependency).

    Args:
        model: A model with a CTC head; it is left alone.
        share: Of the recording that is its beginning, above 0 to below 1.
        limit: Share of characters that may differ.

    Raises:
        InputError: The model writes in another way, or this is no share.

    Reference:
        Yang, Li, Chen and Song. Characterizing audio adversarial examples using temporal dependency. ICLR 2019.
        https://arxiv.org/abs/1809.10875.
        Differs from the paper: silence stands in the place of what is cut off.
    """
    if not 0 < share < 1:
        raise InputError("A beginning is a share of the recording", f"{share:g}", "Give for example 0.5.")
    return _doubting(model, Beginning(copy.deepcopy(model.module), share), share, limit)


def _doubting(model: SpeechModel, other: nn.Module, share: float, limit: float) -> SpeechModel:
    if not isinstance(model.writing, CTC):
        do = "Give a model with a CTC head."
        raise InputError("Two hearings are compared frame by frame", type(model.writing).__name__, do)
    twice = Twice(copy.deepcopy(model.module), other).eval()
    return replace(model, module=twice, writing=Doubting(model.writing, share, limit))
