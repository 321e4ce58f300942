"""Goals that leave a group of classes: one that is named, or the label and what stands for a rejection."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.answer import UNREADABLE, Answer
from unfooled.core.target import Access
from unfooled.core.threat import Loss
from unfooled.losses import Contest, members, one_hot

from .classes import Misclassify, margin_in, unknown


@dataclass(frozen=True)
class Evade:
    """Any answer but the label, and no rejection: `evade:10` where class 10 is how a detector rejects.

    Attributes:
        rejected: That class, 0 or more.

    Reference:
        Carlini and Wagner. Adversarial examples are not easily detected: bypassing ten detection methods. AISec 2017.
        https://arxiv.org/abs/1705.07263, section 3.2: a detector is one more class, which the attacker avoids.
        Differs from the paper: any loss may be climbed, not theirs alone.
    """

    rejected: int

    @property
    def name(self) -> str:
        """Give `evade:10`."""
        return f"evade:{self.rejected}"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name the class of rejections."""
        return (self.rejected,)

    @property
    def needs(self) -> Access:
        """Labels tell success."""
        return Access.DECISION

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`: there are two classes beside that of rejections."""
        return classes > 2

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        return Misclassify().reached(answer, y) & (answer.labels != self.rejected)

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        if answer.scores is None:
            return unknown(answer)
        return margin_in(self._contest(answer.scores, y, None), answer.scores)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; a rejection is never a way out."""
        return loss(outputs, *self._contest(outputs, y, toward))

    def _contest(self, scores: Tensor, y: Tensor, toward: Tensor | None) -> Contest:
        return _outside(one_hot(y, scores) | members((self.rejected,), scores), scores, toward)


@dataclass(frozen=True)
class Leave:
    """Any class outside a group: `leave:919,920` reads a traffic sign as none at all.

    Attributes:
        classes: The group, at least one class.
    """

    classes: tuple[int, ...]

    @property
    def name(self) -> str:
        """Give `leave:919,920`."""
        return "leave:" + ",".join(map(str, self.classes))

    @property
    def needs(self) -> Access:
        """Labels tell success."""
        return Access.DECISION

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`."""
        return 0 < len(set(self.classes)) < classes

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        inside = torch.isin(answer.labels, torch.tensor(self.classes, device=answer.labels.device))
        return ~inside & (answer.labels != UNREADABLE)

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        if answer.scores is None:
            return unknown(answer)
        return margin_in(self._contest(answer.scores, None), answer.scores)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; `toward` only counts where it lies outside the group."""
        return loss(outputs, *self._contest(outputs, toward))

    def _contest(self, scores: Tensor, toward: Tensor | None) -> Contest:
        return _outside(members(self.classes, scores), scores, toward)


def _outside(held: Tensor, scores: Tensor, toward: Tensor | None) -> Contest:
    """Leave the classes that are held (r, k), for one chosen class (r,) where it lies outside them."""
    if toward is None:
        return Contest(held, ~held)
    wanted = one_hot(toward, scores) & ~held
    return Contest(held, torch.where(wanted.any(dim=1, keepdim=True), wanted, ~held))
