"""What success is where a model writes: a chosen phrase, a word that is missing, nothing, anything else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unfooled.core.answer import UNREADABLE, Answer
from unfooled.core.errors import InputError, ModelError
from unfooled.core.target import Access
from unfooled.core.threat import Goal, Loss
from unfooled.core.transcripts import label_of, normalised, text_of, word_error_rate


def _unknown(answer: Answer) -> Tensor:
    return torch.full_like(answer.labels, float("nan"), dtype=torch.float32)


def _for_writers(goal: Goal) -> ModelError:
    return ModelError(
        f"The goal {goal.name} is about what a model writes",
        "a model that gives scores of classes",
        "Use a goal of classes, such as misclassify or become:3.",
    )


def _text(label: int) -> str:
    text = text_of(label)
    if text is None:
        raise InputError("This label stands for no text", label, "Give transcripts as texts, in place of numbers.")
    return text


@dataclass(frozen=True)
class Transcribe:
    """One chosen phrase, exact after `core.transcripts.normalised`: `transcribe:open_the_front_door`; or none: `mute`.

    Attributes:
        text: The phrase; empty for no word at all.
    """

    text: str = ""

    def __post_init__(self) -> None:
        if self.text and not normalised(self.text):
            raise InputError("A phrase has letters", repr(self.text), "Name one, or use the goal `mute` for silence.")

    @property
    def name(self) -> str:
        """Give `transcribe:open_the_front_door` or `mute`."""
        return f"transcribe:{normalised(self.text).replace(' ', '_')}" if self.text else "mute"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name no class."""
        return ()

    @property
    def needs(self) -> Access:
        """The transcript tells success."""
        return Access.DECISION

    @property
    def away(self) -> bool:
        """See `Worded.away`."""
        return False

    def phrase(self, y: int) -> str:
        """See `Worded.phrase`."""
        return self.text

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return True

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        return answer.labels == self._label

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`; texts have none."""
        return _unknown(answer)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; a goal in words must be aimed at its model first (`core.writing.aimed`)."""
        raise _for_writers(self)

    @cached_property
    def _label(self) -> int:
        return label_of(self.text)


@dataclass(frozen=True)
class Without:
    """A transcript without a word that was said: `without:stop`.

    An attack leads to the true transcript less the word; success is any text that lacks it.

    Attributes:
        word: One word.
    """

    word: str

    def __post_init__(self) -> None:
        if len(normalised(self.word).split()) != 1:
            raise InputError("The goal `without` keeps one word out", repr(self.word), "Write without:stop.")

    @property
    def name(self) -> str:
        """Give `without:stop`."""
        return f"without:{normalised(self.word)}"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name no class."""
        return ()

    @property
    def needs(self) -> Access:
        """The transcript tells success."""
        return Access.DECISION

    @property
    def away(self) -> bool:
        """See `Worded.away`."""
        return False

    def phrase(self, y: int) -> str:
        """See `Worded.phrase`."""
        word = normalised(self.word)
        return " ".join(one for one in _text(y).split() if one != word)

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return True

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`; what cannot be read lacks nothing."""
        word = normalised(self.word)
        texts = [text_of(label) for label in answer.labels.tolist()]
        lacking = [text is not None and word not in text.split() for text in texts]
        return torch.tensor(lacking, dtype=torch.bool, device=answer.labels.device)

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`; texts have none."""
        return _unknown(answer)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; a goal in words must be aimed at its model first (`core.writing.aimed`)."""
        raise _for_writers(self)


@dataclass(frozen=True)
class Misheard:
    """Any other transcript, `misheard`, or one with at least a share of its words wrong: `misheard:0.5`.

    Attributes:
        rate: Least word error rate, 0 or more; at 0 any difference counts.
    """

    rate: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rate < float("inf"):
            raise InputError("A word error rate is a number from 0", self.rate, "Write misheard:0.5 for half.")

    @property
    def name(self) -> str:
        """Give `misheard` or `misheard:0.5`."""
        return f"misheard:{self.rate:g}" if self.rate else "misheard"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name no class."""
        return ()

    @property
    def needs(self) -> Access:
        """The transcript tells success."""
        return Access.DECISION

    @property
    def away(self) -> bool:
        """See `Worded.away`."""
        return True

    def phrase(self, y: int) -> str:
        """See `Worded.phrase`."""
        return _text(y)

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return True

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        other = (answer.labels != y) & (answer.labels != UNREADABLE)
        if not self.rate:
            return other
        pairs = zip(answer.labels.tolist(), y.tolist(), other.tolist(), strict=True)
        far = [changed and self._far(text_of(label), said) for label, said, changed in pairs]
        return torch.tensor(far, dtype=torch.bool, device=other.device)

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`; texts have none."""
        return _unknown(answer)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; a goal in words must be aimed at its model first (`core.writing.aimed`)."""
        raise _for_writers(self)

    def _far(self, text: str | None, said: int) -> bool:
        return text is not None and word_error_rate(text, _text(said)) >= self.rate
