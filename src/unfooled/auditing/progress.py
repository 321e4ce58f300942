"""Who is told how an audit is coming along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Something that shows progress, such as the command line's bars."""

    def begin(self, threat: str, attack: str, total: int) -> None:
        """Tell that an attack starts on `total` examples."""
        ...

    def advance(self, done: int, broken: int) -> None:
        """Tell that `done` more examples were tried and `broken` of them fell."""
        ...

    def passed(self, rows: int) -> None:
        """Tell that the model was asked about `rows` more inputs: a sign of life between two calls of `advance`."""
        ...


@dataclass(frozen=True)
class Silent:
    """Shows nothing."""

    def begin(self, threat: str, attack: str, total: int) -> None:
        """See `Progress.begin`."""

    def advance(self, done: int, broken: int) -> None:
        """See `Progress.advance`."""

    def passed(self, rows: int) -> None:
        """See `Progress.passed`."""
