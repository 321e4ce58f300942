"""Roadside: a camera in a car looks at a sign, and a crop of the picture goes to a classifier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws

from .camera import Camera
from .lens import FINE, LEAST, through
from .planes import seen
from .poses import Poses
from .weather import Weather

_WEATHER = Weather()
_CAMERA = Camera(noise=0.02)


@dataclass(frozen=True)
class Roadside:
    """What chance decides when a sign is looked at, drawn by lot for each picture.

    Attributes:
        pixels: Fewest and most pixels across which the camera sees the crop, 6 to 64: the distance.
        yaw: Least and most turn away from face on, in degrees, to either side, below 80.
        pitch: Largest turn up or down, in degrees.
        roll: Largest turn within its plane, in degrees, either way.
        near: Least and most distance in units of half the sign's side, which bends perspective and nothing else.
        loose: Least and most side of the crop over the sign's.
        stretch: Most that a narrow crop is stretched, see `Poses`.
        shift: How far the crop may be off, in units of half its side.
        blur: Most standard deviation of the blur, in pixels that the camera sees, up to 1.5.
        weather: Light, dirt and things in between.
        camera: Noise and JPEG.
    """

    pixels: tuple[float, float] = (16, 32)
    yaw: tuple[float, float] = (0, 45)
    pitch: float = 10.0
    roll: float = 6.0
    near: tuple[float, float] = (8, 40)
    loose: tuple[float, float] = (1.0, 1.25)
    stretch: float = 1.0
    shift: float = 0.06
    blur: float = 0.5
    weather: Weather = _WEATHER
    camera: Camera = _CAMERA

    def __post_init__(self) -> None:
        ordered = all(low <= high for low, high in (self.pixels, self.yaw, self.near, self.loose))
        if not (ordered and self.pixels[0] >= LEAST and self.pixels[1] <= FINE):
            raise InputError(f"A camera sees a crop across {LEAST} to {FINE} pixels", self.pixels, "Write 16 to 32.")
        if not (self.yaw[0] >= 0 and self.yaw[1] < 80 and self.near[0] > 2 and self.loose[0] > 0):
            raise InputError("A pose of the sign is out of range", self, "Turn it by less than 80 degrees.")

    def at(self, pixels: float, yaw: float) -> Self:
        """Give the same chances at one distance and one turn to the side."""
        return replace(self, pixels=(pixels, pixels), yaw=(yaw, yaw))

    def shown(self, faces: Tensor, x: Batch, draws: Draws, draw: int = 0) -> Tensor:
        """Put signs before backgrounds, and look: differentiable with respect to the signs.

        Args:
            faces: Colours and form in [0, 1], (4, s, s) for the same sign everywhere, or (n, 4, s, s).
            x: Backgrounds, (n, 3, 64, 64) in [0, 1]; their ids name the views.
            draws: Of all that is drawn.
            draw: A number for further views of the same backgrounds.

        Returns:
            What a classifier is given, (n, 3, 32, 32) in [0, 1].
        """

        def lots(many: int, tag: str) -> Tensor:
            return draws.uniform((many,), x.ids, tag, draw)

        drawn = lots(12, "view")
        view = seen(self.poses(drawn).backward(FINE), FINE, FINE)
        grid = torch.stack([view.u, view.v], dim=3).clamp(-2, 2)
        faces = faces.to(x.values)
        spread = faces.expand(len(x), -1, -1, -1) if faces.ndim == 3 else faces
        found = grid_sample(spread, grid, mode="bilinear", padding_mode="border", align_corners=False)
        inside = ((view.u.abs() <= 1) & (view.v.abs() <= 1)).unsqueeze(1)
        form = found[:, 3:] * inside
        scene = x.values + form * (self.weather.worn(found[:, :3], lots) - x.values)
        scene = self.weather.blocked(self.weather.lit(scene, lots), lots)
        low, high = self.pixels
        blur = self.blur * drawn[:, 9:11].square()
        afar = through(scene, low * (high / low) ** drawn[:, 11], blur)
        return self.camera.shot(x.holding(afar), draws, draw)

    def poses(self, drawn: Tensor) -> Poses:
        """Read poses off numbers (n, 9 or more) that are uniform in [0, 1)."""

        def between(ends: tuple[float, float], k: int) -> Tensor:
            return ends[0] + (ends[1] - ends[0]) * drawn[:, k]

        side = torch.where(drawn[:, 1] < 0.5, -1.0, 1.0)
        return Poses(
            yaw=side * between(self.yaw, 0),
            pitch=self.pitch * (2 * drawn[:, 2] - 1),
            roll=self.roll * (2 * drawn[:, 3] - 1),
            distance=self.near[0] * (self.near[1] / self.near[0]) ** drawn[:, 4],
            loose=between(self.loose, 5),
            stretch=self.stretch * drawn[:, 6],
            shift=self.shift * (2 * drawn[:, 7:9] - 1),
        )
