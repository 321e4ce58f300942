"""What trials of a sticker against a detector found: plain values, read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .trials import Rate

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge in pixels."""


@dataclass(frozen=True)
class Recall:
    """How many of the objects a detector still reports.

    Attributes:
        what: What lies by them: `nothing`, `noise` or `sticker`.
        area: Its share of the square that holds the object; 0 for nothing.
        rate: Share of the objects, over all places that were tried.
    """

    what: str
    area: float
    rate: Rate


@dataclass(frozen=True)
class Sight:
    """A photograph and what the detector reports in it.

    Attributes:
        picture: (c, h, w) uint8.
        name: Of the photograph.
        what: What lies by its objects, as in `Recall`.
        objects: Where they are.
        reported: What the detector reports.
        seen: Which of the objects it reports.
    """

    picture: np.ndarray = field(repr=False)
    name: str
    what: str
    objects: tuple[Box, ...]
    reported: tuple[Box, ...]
    seen: tuple[bool, ...]


@dataclass(frozen=True)
class Vanishing:
    """All that is known of a sticker against a detector.

    Attributes:
        about: Plain JSON values: the detector, photographs, settings, cost.
        recalls: Every trial.
        sights: Photographs without and with the sticker, in pairs.
        texture: The sticker, (c, s, t) uint8.
        alpha: Its form, (s, t) uint8.
    """

    about: Mapping[str, Any]
    recalls: tuple[Recall, ...]
    sights: tuple[Sight, ...]
    texture: np.ndarray = field(repr=False)
    alpha: np.ndarray = field(repr=False)

    def of(self, what: str) -> Recall:
        """Pick the trial of one thing at the size that was asked for."""
        area = 0.0 if what == "nothing" else self.about["area"]
        return next(one for one in self.recalls if one.what == what and abs(one.area - area) < 1e-9)

    def as_json(self) -> dict[str, Any]:
        """Give everything but the pictures in plain JSON values."""
        return {**self.about, "recalls": [asdict(one) for one in self.recalls]}
