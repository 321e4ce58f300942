"""What is made once and brought to any example: a sticker, a universal delta, a muting prefix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from .batch import Batch
from .seeds import Draws
from .target import Target
from .threat import Goal


class Artefact(Protocol):
    """One change, made once, for examples that its maker never saw."""

    @property
    def kind(self) -> str:
        """What it is, in one word, such as `delta` or `sticker`."""
        ...

    @property
    def made(self) -> Mapping[str, Any]:
        """How it came to be, in plain JSON values: sources, examples learned from, goal, threat, settings, seed."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Give all that must be stored to bring it again, by name."""
        ...

    def bring(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Bring it to each example, (n, ...).

        What the attacker does not choose (place, angle, light) is drawn: keyed on the example and on `draw`.
        """
        ...


class Crafter(Protocol):
    """Makes an artefact; final, frozen, made of plain values. What it may change is among its settings."""

    def __call__(self, sources: Sequence[Target], train: Batch, y: Tensor, goal: Goal, draws: Draws) -> Artefact:
        """Learn from examples (n, ...) with labels (n,) what leads all sources to the goal.

        Every source counts what it was asked, each row for the example that it shows.
        """
        ...
