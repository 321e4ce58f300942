"""A drive past a sign: how large and how turned it appears, metre by metre."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from unfooled.core.errors import InputError

from .lens import FINE, LEAST
from .roadside import Roadside


class Frame(NamedTuple):
    """One frame: metres from the camera along the road, and from where the sign is seen then."""

    metres: float
    pixels: float
    yaw: float
    roadside: Roadside


@dataclass(frozen=True)
class Drive:
    """A car comes near at constant speed, the sign beside its lane.

    Attributes:
        frames: How many, 2 or more, evenly spread over the way.
        way: From how far to how near, in metres.
        sign: Side of the sign, in metres.
        aside: How far the sign is from the camera's path, in metres.
        above: How far it is above the camera, in metres.
        focal: Focal length of the camera, in pixels.
    """

    frames: int = 28
    way: tuple[float, float] = (60.0, 6.0)
    sign: float = 0.75
    aside: float = 3.0
    above: float = 1.0
    focal: float = 1200.0

    def __post_init__(self) -> None:
        if self.frames < 2 or min(*self.way, self.sign, self.focal) <= 0 or self.way[0] <= self.way[1]:
            raise InputError("A drive goes from far to near, in two frames or more", self, "Write 60 to 6 metres.")

    def seen(self, roadside: Roadside) -> list[Frame]:
        """Give each frame; the crop is as loose on average as the roadside's."""
        loose = sum(roadside.loose) / 2
        first, last = self.way
        found = []
        for k in range(self.frames):
            metres = first + (last - first) * k / (self.frames - 1)
            away = math.hypot(metres, self.aside, self.above)
            pixels = min(max(loose * self.focal * self.sign / away, LEAST), FINE)
            yaw = math.degrees(math.atan2(self.aside, metres))
            pitch = math.degrees(math.atan2(self.above, metres))
            at = replace(roadside.at(pixels, yaw), loose=(loose, loose), pitch=pitch)
            found.append(Frame(metres, pixels, yaw, at))
        return found
