"""What success is where a model gives scores of classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.answer import UNREADABLE, Answer
from unfooled.core.errors import AccessError, InputError
from unfooled.core.target import Access
from unfooled.core.threat import Loss
from unfooled.losses import Contest, margin, members, one_hot


def margin_in(contest: Contest, scores: Tensor) -> Tensor:
    """Give the margin of a contest, (r,)."""
    return margin(scores, contest.held, contest.wanted)


def unknown(answer: Answer) -> Tensor:
    """Give NaN for each row, (r,): labels have no margin."""
    return torch.full_like(answer.labels, float("nan"), dtype=torch.float32)


@dataclass(frozen=True)
class Misclassify:
    """Any answer but the label.

    Attributes:
        top: The label must not be among the `top` highest scores, 1 or more; ties count for the model.
    """

    top: int = 1

    def __post_init__(self) -> None:
        if self.top < 1:
            raise InputError("A goal cannot ask for fewer than the top class", self.top, "Give top=1 or more.")

    @property
    def name(self) -> str:
        """Give `misclassify` or `top-5`."""
        return "misclassify" if self.top == 1 else f"top-{self.top}"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name no class."""
        return ()

    @property
    def needs(self) -> Access:
        """Labels tell the top class, scores the ranks below it."""
        return Access.DECISION if self.top == 1 else Access.SCORES

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return self.top < classes

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        readable = answer.labels != UNREADABLE
        if self.top == 1:
            return readable & (answer.labels != y)
        if answer.scores is None:
            raise AccessError(
                "This goal counts ranks", "a target that gives labels only", "Use the goal `misclassify`."
            )
        own = answer.scores.gather(1, y.unsqueeze(1))
        return readable & ((answer.scores > own).sum(dim=1) >= self.top)

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        if answer.scores is None:
            return unknown(answer)
        return margin_in(self._contest(answer.scores, y, None), answer.scores)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`."""
        return loss(outputs, *self._contest(outputs, y, toward))

    def _contest(self, scores: Tensor, y: Tensor, toward: Tensor | None) -> Contest:
        held = one_hot(y, scores)
        if toward is not None:
            return Contest(held, one_hot(toward, scores))
        wanted = ~held
        if self.top > 1:  # those already above the label do not count: the next one has to pass it
            above = scores.detach().masked_fill(held, -torch.inf).topk(self.top - 1, dim=1).indices
            wanted = wanted.scatter(1, above, value=False)
        return Contest(held, wanted)


@dataclass(frozen=True)
class Become:
    """One chosen class, such as `become:859`.

    Attributes:
        target: The class, 0 or more.
    """

    target: int

    @property
    def name(self) -> str:
        """Give `become:859`."""
        return f"become:{self.target}"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name the target."""
        return (self.target,)

    @property
    def needs(self) -> Access:
        """Labels tell success."""
        return Access.DECISION

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return classes > 1

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        return answer.labels == self.target

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        return Enter((self.target,)).margin(answer, y)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; the target is fixed, so `toward` changes nothing."""
        return Enter((self.target,)).objective(loss, outputs, y)


@dataclass(frozen=True)
class Enter:
    """Any class of a group: `enter:151,152` reads a cat as some dog.

    Attributes:
        classes: The group, at least one class.
    """

    classes: tuple[int, ...]

    @property
    def name(self) -> str:
        """Give `enter:151,152`."""
        return "enter:" + ",".join(map(str, self.classes))

    @property
    def needs(self) -> Access:
        """Labels tell success."""
        return Access.DECISION

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return 0 < len(set(self.classes)) < classes

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        return torch.isin(answer.labels, torch.tensor(self.classes, device=answer.labels.device))

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        if answer.scores is None:
            return unknown(answer)
        return margin_in(self._contest(answer.scores), answer.scores)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; the group is fixed, so `toward` changes nothing."""
        return loss(outputs, *self._contest(outputs))

    def _contest(self, scores: Tensor) -> Contest:
        wanted = members(self.classes, scores)
        return Contest(~wanted, wanted)
