"""What light, dirt and things in between do to a sign and to all around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unfooled.core.errors import InputError
from unfooled.core.rows import wide

Lots = Callable[[int, str], Tensor]
"""How many and what for -> uniform numbers of each picture, (n, many)."""


@dataclass(frozen=True)
class Weather:
    """What may happen, drawn anew for each picture; every share is a chance, 0 to 1.

    Attributes:
        light: Least and most light: a factor on all colours.
        offset: Largest change of brightness either way.
        tint: Largest change of one colour's light either way, as a share.
        slope: How much darker or brighter one side may be, as a share.
        shadow: Share of pictures over which a shadow's edge falls.
        fading: How much of a sign's paint may be bleached, as a share.
        dirt: How dark dirt may be where it lies, as a share.
        glare: Share of signs in which a light is mirrored.
        haze: How much grey air may lie before all, as a share.
        hidden: Share of pictures in which a bar, such as a branch, stands before the sign.
    """

    light: tuple[float, float] = (0.6, 1.35)
    offset: float = 0.05
    tint: float = 0.06
    slope: float = 0.15
    shadow: float = 0.0
    fading: float = 0.0
    dirt: float = 0.0
    glare: float = 0.0
    haze: float = 0.0
    hidden: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.shadow, self.fading, self.dirt, self.glare, self.haze, self.hidden)
        low, high = self.light
        if not (0 < low <= high and min(*shares, self.offset, self.tint, self.slope) >= 0 and max(shares) <= 1):
            raise InputError("A setting of the weather is out of range", self, "Shares are 0 to 1, light above 0.")

    def worn(self, face: Tensor, lots: Lots) -> Tensor:
        """Age the paint of signs (n, 3, h, w): bleached, dirty, mirroring a light."""
        side = face.shape[2]
        if self.fading:
            drawn = lots(4, "fading").square()
            grey = 0.55 + 0.35 * wide(drawn[:, 1], face)
            face = face + self.fading * wide(drawn[:, 0], face) * (grey - face)
        if self.dirt:
            spread = (cloud(lots(25, "dirt"), side) - 0.35).clamp(min=0) * 1.6
            face = face * (1 - self.dirt * wide(lots(1, "dirtiness")[:, 0], face) * spread)
        if self.glare:
            drawn = lots(5, "glare")
            u, v = plane(side, face)
            far = (u - (2 * wide(drawn[:, 1], face) - 1)).square() + (v - (2 * wide(drawn[:, 2], face) - 1)).square()
            shine = torch.exp(-far / (0.05 + 0.5 * wide(drawn[:, 3], face)))
            face = face + wide((drawn[:, 0] < self.glare) * drawn[:, 4], face) * shine * (1 - face)
        return face

    def lit(self, values: Tensor, lots: Lots) -> Tensor:
        """Light pictures (n, 3, h, w), whole."""
        drawn = lots(8, "light")
        u, v = plane(values.shape[2], values)
        low, high = self.light
        gain = low * (high / low) ** drawn[:, 0]
        tint = 1 + self.tint * (2 * drawn[:, 1:4] - 1)
        turn = 2 * torch.pi * wide(drawn[:, 4], values)
        slope = self.slope * wide(drawn[:, 5], values)
        factor = wide(gain, values) * (1 + slope * (turn.cos() * u + turn.sin() * v))
        if self.shadow:
            factor = factor * self._shadow(u, v, lots(6, "shadow"), values)
        lit = values * factor * tint.view(-1, 3, 1, 1) + self.offset * (2 * wide(drawn[:, 6], values) - 1)
        air = self.haze * wide(drawn[:, 7].square(), values)
        return lit + air * (0.7 - lit) if self.haze else lit

    def _shadow(self, u: Tensor, v: Tensor, drawn: Tensor, values: Tensor) -> Tensor:
        turn, place, soft, dark = (wide(drawn[:, k], values) for k in range(4))
        across = (2 * torch.pi * turn).cos() * u + (2 * torch.pi * turn).sin() * v - 1.2 * (2 * place - 1)
        band = 2 - 1.7 * wide((drawn[:, 5] < 0.4).float(), values)  # some shadows are those of a pole
        covered = torch.sigmoid(across / (0.02 + 0.2 * soft)) * torch.sigmoid((band - across) / (0.02 + 0.2 * soft))
        return 1 - wide((drawn[:, 4] < self.shadow).float(), values) * (0.25 + 0.45 * dark) * covered

    def blocked(self, values: Tensor, lots: Lots) -> Tensor:
        """Put a bar before some pictures, seldom across the middle."""
        if not self.hidden:
            return values
        drawn = lots(8, "hidden")
        turn, place, thick = (wide(drawn[:, k], values) for k in range(3))
        u, v = plane(values.shape[2], values)
        across = (2 * torch.pi * turn).cos() * u + (2 * torch.pi * turn).sin() * v - (0.3 + 0.7 * place)
        bar = ((0.04 + 0.14 * thick - across.abs()) * values.shape[2] / 2 + 0.5).clamp(0, 1)
        return values + wide((drawn[:, 3] < self.hidden).float(), values) * bar * (
            drawn[:, 4:7].view(-1, 3, 1, 1) - values
        )  # fmt: skip


def cloud(lots: Tensor, side: int) -> Tensor:
    """Spread numbers (n, 25) over a picture as a smooth field, (n, 1, side, side)."""
    field: Tensor = interpolate(lots.view(-1, 1, 5, 5), (side, side), mode="bilinear", align_corners=True)
    return field


def plane(side: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Give x (1, 1, 1, side) and y (1, 1, side, 1) of a picture's pixels, from -1 to 1."""
    line = ((torch.arange(side, device=like.device) + 0.5) * (2 / side) - 1).to(like)
    return line.view(1, 1, 1, -1), line.view(1, 1, -1, 1)
