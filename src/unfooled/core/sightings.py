"""What trials of an altered road sign found: plain values, read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .trials import Rate

USUAL_PIXELS, USUAL_YAW = (16, 32), 45
"""The part of the table that is averaged: pixels across the crop, and the largest turn in degrees."""


@dataclass(frozen=True)
class Sighting:
    """What one model sees from one distance and one side, before many backgrounds, in changing light.

    Attributes:
        model: Its name.
        pixels: Across which the camera sees the crop.
        yaw: Turn of the sign in degrees, to either side.
        hit: How often the goal is reached.
        lost: How often the sign is read as anything else.
        clean: How often the clean sign is read right, in the same places.
    """

    model: str
    pixels: int
    yaw: int
    hit: Rate
    lost: Rate
    clean: Rate

    @property
    def usual(self) -> bool:
        """Whether it is among those that are averaged."""
        return USUAL_PIXELS[0] <= self.pixels <= USUAL_PIXELS[1] and self.yaw <= USUAL_YAW


class Summary(NamedTuple):
    """One model's table in short.

    Attributes:
        hit: Mean share over the usual part.
        lost: Likewise.
        clean: Likewise, of the clean sign.
        corner: The usual sighting in which the goal is reached least.
    """

    hit: float
    lost: float
    clean: float
    corner: Sighting


@dataclass(frozen=True)
class Passing:
    """One moment of a drive towards the sign.

    Attributes:
        metres: From the camera to the sign.
        pixels: Across which it sees the crop.
        yaw: Turn in degrees.
        hit: Share of the drives in which the goal is reached.
        clean: Share in which the clean sign is read right.
    """

    metres: float
    pixels: float
    yaw: float
    hit: float
    clean: float


@dataclass(frozen=True)
class Glance:
    """A picture of the altered sign, and what a model read in it.

    Attributes:
        picture: What the classifier was given, (c, h, w) uint8.
        words: From where it is seen.
        read: What it answered.
        hit: Whether the goal was reached.
    """

    picture: np.ndarray = field(repr=False)
    words: str
    read: str
    hit: bool


@dataclass(frozen=True)
class SignFound:
    """All that is known of an altered sign.

    Attributes:
        about: Plain JSON values: sign, goal, models, what was changed, settings, cost.
        sightings: The tables of all models.
        drive: A drive towards it; the victim's.
        glances: Some views.
        clean: The clean sign, (4, s, s) uint8.
        altered: The altered sign, (4, s, s) uint8.
    """

    about: Mapping[str, Any]
    sightings: tuple[Sighting, ...]
    drive: tuple[Passing, ...]
    glances: tuple[Glance, ...]
    clean: np.ndarray = field(repr=False)
    altered: np.ndarray = field(repr=False)

    def of(self, model: str) -> list[Sighting]:
        """Pick one model's table."""
        return [one for one in self.sightings if one.model == model]

    def summary(self, model: str) -> Summary:
        """Average one model's table over its usual part."""
        return summary(self.of(model))

    def as_json(self) -> dict[str, Any]:
        """Give everything but the pictures in plain JSON values."""
        short = {
            one["name"]: dict(zip(("hit", "lost", "clean"), self.summary(one["name"])[:3], strict=True))
            for one in self.about["models"]
        }
        tables = [asdict(one) for one in self.sightings]
        return {**self.about, "means": short, "table": tables, "drive": [asdict(one) for one in self.drive]}


def summary(table: list[Sighting]) -> Summary:
    """Average a table over its usual part."""
    usual = [one for one in table if one.usual]
    hit, lost, clean = (
        float(np.mean(shares))
        for shares in zip(*((one.hit.share, one.lost.share, one.clean.share) for one in usual), strict=True)
    )
    return Summary(hit, lost, clean, min(usual, key=lambda one: one.hit.share))


def read_in(drive: tuple[Passing, ...], least: float = 0.5) -> tuple[int, float]:
    """Count the frames in which the goal is reached in at least a share of drives, and the metres that they last."""
    frames = sum(one.hit >= least for one in drive)
    return frames, frames / len(drive) * abs(drive[0].metres - drive[-1].metres)
