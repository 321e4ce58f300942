"""Goals that are told by the objects that a detector reports."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from unfooled.core.answer import NOTHING, Answer
from unfooled.core.target import Access
from unfooled.core.threat import Loss

from .classes import Enter

_NONE = Enter((NOTHING,))


@dataclass(frozen=True)
class Vanish:
    """No object at all is reported, see `core.answer.Boxes`."""

    @property
    def name(self) -> str:
        """Give `vanish`."""
        return "vanish"

    @property
    def classes(self) -> tuple[int, ...]:
        """Name what a detector answers where it reports nothing."""
        return _NONE.classes

    @property
    def needs(self) -> Access:
        """That nothing is reported can be seen without scores."""
        return Access.DECISION

    def possible(self, classes: int) -> bool:
        """See `Goal.possible`: a detector answers nothing or something."""
        return classes == 2

    def reached(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.reached`."""
        return answer.labels == NOTHING

    def margin(self, answer: Answer, y: Tensor) -> Tensor:
        """See `Goal.margin`."""
        return _NONE.margin(answer, y)

    def objective(self, loss: Loss, outputs: Tensor, y: Tensor, toward: Tensor | None = None) -> Tensor:
        """See `Goal.objective`; `toward` changes nothing."""
        return _NONE.objective(loss, outputs, y)
