"""Models that answer in text, and how a goal in words meets one: a phrase is climbed as a class is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from .answer import Answer
from .attack import Problem
from .batch import Batch
from .target import Access, Model, Objective
from .threat import Goal, Loss

SOME = -2
"""Label of a transcript of which only this is known: it is not the phrase that the model was led to."""


@runtime_checkable
class Writer(Model, Protocol):
    """A model that answers in text, and can be led to a phrase."""

    def toward(self, phrases: Mapping[int, str]) -> Model:
        """Lead the model to a phrase for each example, by the names (`Batch.ids`) of the examples.

        Its outputs are (r, s, k + 1): scores of k tokens at each of s steps and, in the last column, the tokens of the
        row's phrase, with -1 behind its end. A module that is fed what it wrote is fed the phrase.

        Raises:
            InputError: A phrase holds something that the model cannot write.
        """
        ...

    def likelihood(self, outputs: Tensor) -> Tensor:
        """Give the log-probability of each row's phrase, (r,), differentiable; `outputs` are of a model so led."""
        ...

    def leads(self, outputs: Tensor) -> Tensor:
        """Tell by how much each step that writes the phrase leads over the best other token, (r, s), differentiable.

        Steps are those of the phrase's best alignment; infinite where a row has no such step. If all are positive, the
        likeliest token of each step writes the phrase.
        """
        ...

    def refuse(self, phrase: str, samples: int) -> None:
        """Check that a recording of so many samples can be heard as a phrase.

        Raises:
            InputError: The phrase holds something that the model cannot write, or is too long.
        """
        ...


@runtime_checkable
class Worded(Goal, Protocol):
    """A goal about what is written."""

    @property
    def away(self) -> bool:
        """Whether the phrase is to be left, not reached."""
        ...

    def phrase(self, y: int) -> str:
        """Give the phrase that leads to success, or that is to be left, for an example of this label."""
        ...


@dataclass(frozen=True)
class Aimed:
    """A goal in words that knows the model it is aimed at, and so what to climb.

    To an attacker a phrase and everything else are two classes: their scores are the log-probability of the phrase and
    that of all other texts together. So every loss of classes climbs it.

    Attributes:
        goal: What success is.
        writer: The model.
    """

    goal: Worded
    writer: Writer

    @property
    def name(self) -> str:
        """See `Goal.name`."""
        return self.goal.name

    @property
    def classes(self) -> tuple[int, ...]:
        """See `Goal.classes`."""
        return ()

    @property
    def needs(self) -> Access:
        """See `Goal.needs`."""
        return self.goal.needs

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return self.goal.possible(classes)

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        return self.goal.reached(answer, y)

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        return self.goal.margin(answer, y)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; there is one phrase, so `toward` changes nothing."""
        log_p = self.writer.likelihood(outputs)
        rest = torch.log(-torch.expm1(log_p.clamp(max=-1e-6)))
        wanted = torch.tensor([[not self.goal.away, self.goal.away]], device=log_p.device).expand(len(log_p), 2)
        return loss(torch.stack((log_p, rest), dim=1), ~wanted, wanted)

    def leads(self, outputs: Tensor) -> Tensor:
        """Tell how far each step is beyond the goal, (r, s); to leave a phrase one lost step is enough, (r, 1)."""
        leads = self.writer.leads(outputs)
        return -leads.amin(dim=1, keepdim=True) if self.goal.away else leads


def aimed(goal: Goal, writer: object, x: Batch, y: Tensor) -> tuple[Goal, Model | None]:
    """Aim a goal at a model, for examples (n, ...) with labels (n,).

    Returns:
        The goal, and the model led to each example's phrase; the goal as it is, and None, where it is not in words.
    """
    if not (isinstance(goal, Worded) and isinstance(writer, Writer)):
        return goal, None
    phrases = {name: goal.phrase(label) for name, label in zip(x.ids.tolist(), y.tolist(), strict=True)}
    return Aimed(goal, writer), writer.toward(phrases)


def leads_of(problem: Problem[Any], margin: Loss) -> Callable[[Tensor, Tensor], Tensor]:
    """Give a function from outputs and owners (r,) to how far each step is beyond the goal, (r, s).

    A goal in classes is one step: its margin, by the loss given.
    """
    goal, whole = problem.goal, problem.objective(margin)
    if isinstance(goal, Aimed):
        return lambda outputs, owner: goal.leads(outputs)
    return lambda outputs, owner: whole(outputs, owner).unsqueeze(1)


def pressed(problem: Problem[Any], margin: Loss, surplus: float = 0.5) -> Objective:
    """Give the margin of the goal as a whole, and beside it what each step lacks of a surplus, by a loss of classes.

    A phrase that is likely need not be what a decoder writes: the steps that lack say what is still to do, and those
    that have enough no more. A goal in classes is one step.
    """
    whole, leads = problem.objective(margin), leads_of(problem, margin)
    return lambda outputs, owner: whole(outputs, owner) + leads(outputs, owner).clamp(max=surplus).sum(dim=1)
