"""What a model says, as far as an attacker can see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from .transcripts import label_of, text_of

UNREADABLE = -1
"""Label of a row whose scores are not finite: no goal ever counts it as reached."""


class Answer(Protocol):
    """One answer a row."""

    def __len__(self) -> int: ...

    def rows(self, index: Tensor | slice) -> Answer:
        """Pick rows, in the order of `index`."""
        ...

    @classmethod
    def joined(cls, answers: Sequence[Self]) -> Self:
        """Put answers of one kind behind one another."""
        ...

    @property
    def labels(self) -> Tensor:
        """Decided classes, (r,) int64."""
        ...

    @property
    def scores(self) -> Tensor | None:
        """Class scores, (r, k); None where the target gives labels only."""
        ...


@dataclass(frozen=True)
class Scores:
    """Class scores, (r, k): logits or probabilities, whichever the model gives."""

    scores: Tensor

    def __len__(self) -> int:
        return self.scores.shape[0]

    def rows(self, index: Tensor | slice) -> Scores:
        """Pick rows, in the order of `index`."""
        return Scores(self.scores[index])

    @classmethod
    def joined(cls, answers: Sequence[Self]) -> Self:
        """Put answers behind one another."""
        return cls(torch.cat([answer.scores for answer in answers]))

    @property
    def labels(self) -> Tensor:
        """Highest class, the first of equals, (r,); UNREADABLE where a score is not finite."""
        finite = self.scores.isfinite().all(dim=1)
        return torch.where(finite, self.scores.argmax(dim=1), UNREADABLE)


@dataclass(frozen=True)
class Labels:
    """Decided classes alone, (r,) int64: what an attacker sees who is told no score."""

    labels: Tensor

    def __len__(self) -> int:
        return self.labels.shape[0]

    def rows(self, index: Tensor | slice) -> Labels:
        """Pick rows, in the order of `index`."""
        return Labels(self.labels[index])

    @classmethod
    def joined(cls, answers: Sequence[Self]) -> Self:
        """Put answers behind one another."""
        return cls(torch.cat([answer.labels for answer in answers]))

    @property
    def scores(self) -> None:
        """Never there."""
        return None


@dataclass(frozen=True)
class Transcripts:
    """What was heard, one text a row.

    Attributes:
        labels: Numbers that stand for the normalised texts, (r,) int64; see `core.transcripts.label_of`.
        firm: Whether no float sum of another batch could change the text, (r,) bool; None where that is not known.
    """

    labels: Tensor
    firm: Tensor | None = None

    @classmethod
    def of(cls, texts: Sequence[str], device: torch.device | str = "cpu", firm: Tensor | None = None) -> Self:
        """Make an answer of r texts."""
        return cls(torch.tensor([label_of(text) for text in texts], dtype=torch.int64, device=device), firm)

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: Tensor | slice) -> Transcripts:
        """Pick rows, in the order of `index`."""
        return Transcripts(self.labels[index], None if self.firm is None else self.firm[index])

    @classmethod
    def joined(cls, answers: Sequence[Self]) -> Self:
        """Put answers behind one another."""
        firm = [answer.firm for answer in answers if answer.firm is not None]
        labels = torch.cat([answer.labels for answer in answers])
        return cls(labels, torch.cat(firm) if len(firm) == len(answers) else None)

    @property
    def scores(self) -> None:
        """Never there: a text has no scores of classes."""
        return None

    @property
    def texts(self) -> list[str]:
        """The texts, normalised; empty too where one is not known."""
        return [text_of(label) or "" for label in self.labels.tolist()]
