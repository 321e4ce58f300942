"""A torch module that hears speech, as attacks meet it: recordings in, transcripts out, and a way to climb a phrase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from unfooled.core.answer import Answer, Transcripts
from unfooled.core.batch import Batch
from unfooled.core.errors import ModelError, UnfooledError, advice_on
from unfooled.core.transcripts import TEXTS

from .weights import fingerprint, settings_of


class Writing(Protocol):
    """How the scores of a module become text: `CTC` or `Dictation`. Waveforms are (b, t) in [-1, 1], `lengths` (b,)."""

    def spelled(self, phrase: str) -> list[int]:
        """Write a phrase in tokens.

        Raises:
            InputError: It holds something that the model cannot write.
        """
        ...

    def scores(self, module: nn.Module, x: Batch, tokens: Tensor | None) -> Tensor:
        """Give differentiable scores (b, s, k); `tokens` (b, m), -1 behind their ends, are the phrases led to."""
        ...

    def heard(self, module: nn.Module, x: Batch) -> Transcripts:
        """Transcribe as deployed."""
        ...

    def read(self, scores: Tensor, tokens: Tensor | None) -> Transcripts | None:
        """Decide from scores (b, s, k); None where only a pass of its own can tell."""
        ...

    def likelihood(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.likelihood`."""
        ...

    def leads(self, scores: Tensor, tokens: Tensor) -> Tensor:
        """See `Writer.leads`."""
        ...

    def refuse(self, module: nn.Module, phrase: str, samples: int) -> None:
        """See `Writer.refuse`."""
        ...

    def describe(self) -> dict[str, Any]:
        """Say in plain JSON how it writes."""
        ...


@dataclass(frozen=True)
class SpeechModel:
    """A module that hears speech; it keeps `core.writing.Writer`. The module itself is left alone.

    Attributes:
        module: What the writing calls.
        writing: How its scores become text.
        sample_rate: Samples a second that it takes.
        name: How reports call it.
        phrases: The tokens of the phrase that each example is led to, by its name (`Batch.ids`); None for none.
    """

    module: nn.Module
    writing: Writing
    sample_rate: int = 16_000
    name: str = ""
    phrases: Mapping[int, tuple[int, ...]] | None = None

    @property
    def device(self) -> torch.device:
        """Where the module's weights lie; the CPU if it has none."""
        first = next(chain(self.module.parameters(), self.module.buffers()), None)
        return torch.device("cpu") if first is None else first.device

    def answer(self, x: Batch) -> Transcripts:
        """Transcribe as deployed, without gradients."""
        with torch.no_grad():
            return self.writing.heard(self.module, x)

    def outputs(self, x: Batch, prompt: Tensor | None = None) -> Tensor:
        """Give differentiable scores (b, s, k); with phrases (b, s, k + 1), see `Writer.toward`.

        Raises:
            ModelError: No phrase is known for an example.
        """
        tokens = prompt if self.phrases is None else self._tokens(x)
        scores = self.writing.scores(self.module, x, tokens).float()
        if tokens is None:
            return scores
        column = scores.new_full((len(scores), max(scores.shape[1], tokens.shape[1]), 1), -1.0)
        column[:, : tokens.shape[1], 0] = tokens.to(scores.dtype)
        missing = column.shape[1] - scores.shape[1]  # a phrase longer than the scores: no step can write its end
        return torch.cat([nn.functional.pad(scores, (0, 0, 0, missing)), column], dim=2)

    def read(self, outputs: Tensor) -> Answer | None:
        """Decide from outputs, where the writing can."""
        if self.phrases is None:
            return self.writing.read(outputs, None)
        return self.writing.read(*_parted(outputs))

    def toward(self, phrases: Mapping[int, str]) -> SpeechModel:
        """See `Writer.toward`."""
        spelled = {text: tuple(self.writing.spelled(text)) for text in set(phrases.values())}
        return replace(self, phrases={name: spelled[text] for name, text in phrases.items()})

    def likelihood(self, outputs: Tensor) -> Tensor:
        """See `Writer.likelihood`."""
        return self.writing.likelihood(*_parted(outputs))

    def leads(self, outputs: Tensor) -> Tensor:
        """See `Writer.leads`."""
        return self.writing.leads(*_parted(outputs))

    def refuse(self, phrase: str, samples: int) -> None:
        """See `Writer.refuse`."""
        self.writing.refuse(self.module, phrase, samples)

    def describe(self) -> dict[str, Any]:
        """Say in plain JSON which model this is, its weights by their SHA-256."""
        return {
            "name": self.name,
            "class": type(self.module).__qualname__,
            "parameters": sum(parameter.numel() for parameter in self.module.parameters()),
            "sha256": fingerprint(self.module),
            "settings": settings_of(self.module),
            "preprocess": None,
            "classes": None,
            "sample_rate": self.sample_rate,
            "writing": self.writing.describe(),
        }

    def _tokens(self, x: Batch) -> Tensor:
        known = self.phrases or {}
        names = x.ids.tolist()
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ModelError("The model was led to no phrase for an example", unknown[0], "Name one for each.")
        return padded([known[name] for name in names], x.values.device)


def speech_model(module: nn.Module, writing: Writing, sample_rate: int = 16_000, *, name: str = "") -> SpeechModel:
    """Make a model of speech that attacks can meet.

    Args:
        module: A torch module in eval mode; what it is called with is for the writing to say.
        writing: `unfooled.CTC(alphabet)` or `unfooled.Dictation(spell, text)`.
        sample_rate: Samples a second that it takes; recordings of other rates are resampled at the door.
        name: How reports call it; the module's class name if empty.

    Raises:
        ModelError: It is no torch module, or the sample rate is none.

    Example:
        >>> model = unfooled.speech_model(net, unfooled.CTC(alphabet=("", " ", "a", "b")), sample_rate=16_000)
        >>> unfooled.audit(model, "recordings/", "transcribe:open_the_front_door snr:30")
    """
    if not isinstance(module, nn.Module):
        raise ModelError("A model of speech is a torch module", type(module).__name__, "Wrap it into one.")
    if sample_rate < 1:
        raise ModelError("A sample rate is a number of samples a second", sample_rate, "Give 16000, as most models.")
    return SpeechModel(module, writing, sample_rate, name or type(module).__qualname__)


def check_hears(model: SpeechModel, x: Batch) -> int:
    """Check with one pass that a model of speech can be audited; gives `TEXTS` in place of a number of classes.

    Raises:
        ModelError: It is in training mode, fails, or gives no transcripts.
    """
    training = [name or "the whole model" for name, part in model.module.named_modules() if part.training]
    if training:
        raise ModelError("The model is in training mode", ", ".join(training[:4]), "Call model.eval() first.")
    try:
        answer = model.answer(x)
    except UnfooledError:
        raise
    except Exception as error:  # the model's own code may raise anything
        raise ModelError(
            "The model's pass over a recording failed",
            f"{type(error).__name__}: {str(error).strip():.400} (on {tuple(x.values.shape)} samples)",
            advice_on(error, "See how the writing calls the module, and try both outside unfooled first."),
        ) from error
    if len(answer) != len(x):
        raise ModelError("The model gives one transcript a recording", f"{len(answer)} for {len(x)}", "Mend it.")
    return TEXTS


def padded(phrases: list[tuple[int, ...]], device: torch.device | str = "cpu") -> Tensor:
    """Stand phrases in tokens over one another, (n, m) int64 with m at least 1, padded with -1."""
    tokens = torch.full((len(phrases), max(1, *map(len, phrases))), -1, dtype=torch.int64)
    for row, phrase in zip(tokens, phrases, strict=True):
        row[: len(phrase)] = torch.tensor(phrase, dtype=torch.int64)
    return tokens.to(device)


def _parted(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Part outputs (r, s, k + 1) into scores (r, s, k) and tokens (r, s)."""
    return outputs[..., :-1], outputs[..., -1].detach().long()
