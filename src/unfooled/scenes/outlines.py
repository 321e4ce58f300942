"""Outlines: the form of a sticker, and how much of it each pixel shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

from unfooled.core.errors import InputError
from unfooled.core.region import Region

from .planes import Seen

FORMS = ("circle", "square", "rectangle")


@dataclass(frozen=True)
class Outline:
    """The form of a sticker, within its own square [-1, 1]^2.

    Attributes:
        form: `circle` (an ellipse where `aspect` is not 1) or `rectangle`.
        aspect: Width over height, above 0.
        mask: What of the rectangle belongs to the sticker, (h, w); None for all of it.
    """

    form: str = "circle"
    aspect: float = 1.0
    mask: Region | None = None

    def __post_init__(self) -> None:
        if self.form not in ("circle", "rectangle"):
            raise InputError("There is no such form", repr(self.form), f"Choose one of {', '.join(FORMS)}, or a mask.")
        if not 0 < self.aspect < math.inf:
            raise InputError("A sticker's width over its height is above 0", self.aspect, "Write for example 1.5.")
        if self.mask is not None and (self.form != "rectangle" or len(self.mask.shape) != 2):
            found = f"a mask of shape {self.mask.shape} on a {self.form}"
            raise InputError("A sticker's mask is a picture of one channel, (h, w)", found, "Give a mask (h, w).")

    @classmethod
    def named(cls, text: str) -> Self:
        """Read `circle`, `square` or `rectangle:1.5` (width over height).

        Raises:
            InputError: It is none of these.
        """
        form, _, aspect = text.partition(":")
        if form not in FORMS or (aspect and form != "rectangle"):
            raise InputError("There is no such form", repr(text), f"Choose one of {', '.join(FORMS)}:1.5.")
        try:
            return cls("circle" if form == "circle" else "rectangle", float(aspect or 1))
        except ValueError as error:
            raise InputError("Width over height is a number", repr(aspect), "Write rectangle:1.5.") from error

    @classmethod
    def of(cls, mask: Any) -> Self:
        """Make the outline of an array (h, w): what is not zero belongs to the sticker.

        Raises:
            InputError: Nothing does, or it has another number of axes.
        """
        region = Region.of(mask)
        if len(region.shape) != 2:
            found = f"a mask of shape {region.shape}"
            raise InputError("A sticker's mask is a picture of one channel, (h, w)", found, "Give a mask (h, w).")
        return cls("rectangle", region.shape[1] / region.shape[0], region)

    @property
    def filled(self) -> float:
        """Share of its rectangle that it fills, above 0 to 1."""
        if self.form == "circle":
            return math.pi / 4
        return 1.0 if self.mask is None else float(self.mask.allowed.mean())

    @property
    def describe(self) -> dict[str, Any]:
        """Say it in plain JSON values, see `read`."""
        mask = None if self.mask is None else self.mask.to_text()
        return {"form": self.form, "aspect": self.aspect, "mask": mask}

    @classmethod
    def read(cls, told: dict[str, Any]) -> Self:
        """Make it again from what `describe` gave."""
        return cls(told["form"], told["aspect"], told["mask"] and Region.from_text(told["mask"]))

    def half(self, area: Tensor, height: int, width: int) -> Tensor:
        """Find half the width and height in pixels of an area, a share of the picture's: (n, 2) float64."""
        down = (area.double() * height * width / (4 * self.filled * self.aspect)).sqrt()
        return torch.stack([self.aspect * down, down], dim=1)

    def reach(self, half: Tensor, angle: Tensor) -> Tensor:
        """Find how far it reaches from its middle along the picture's axes when turned, (n, 2) float64."""
        turn = angle.double().deg2rad()
        cos, sin = turn.cos().abs().unsqueeze(1), turn.sin().abs().unsqueeze(1)
        along, across = half * torch.cat([cos, cos], dim=1), half.flip(1) * torch.cat([sin, sin], dim=1)
        return (along.square() + across.square()).sqrt() if self.form == "circle" else along + across

    def coverage(self, seen: Seen) -> Tensor:
        """Tell how much of each pixel it covers, (n, h, w), 0 to 1: soft over one pixel, all of it inside the outline.

        Without the mask, which is sampled with the colours.
        """
        u_x, u_y, v_x, v_y = seen.slopes
        if self.form == "circle":
            far = (seen.u.square() + seen.v.square()).sqrt().clamp(min=1e-6)
            slope = ((seen.u * u_x + seen.v * v_x).square() + (seen.u * u_y + seen.v * v_y).square()).sqrt() / far
            return ((1 - far) / slope.clamp(min=1e-9)).clamp(0, 1)
        across = (1 - seen.u.abs()) / (u_x.square() + u_y.square()).sqrt().clamp(min=1e-9)
        down = (1 - seen.v.abs()) / (v_x.square() + v_y.square()).sqrt().clamp(min=1e-9)
        return across.clamp(0, 1) * down.clamp(0, 1)

    def alpha(self, height: int, width: int) -> Tensor:
        """Draw it at a size, (height, width) float32, 0 to 1: for prints."""
        v, u = (
            ((torch.arange(side, dtype=torch.float32) + 0.5) * 2 / side - 1).view(shape)
            for side, shape in ((height, (-1, 1)), (width, (1, -1)))
        )
        inside = (u.square() + v.square() <= 1).float() if self.form == "circle" else (u * v * 0 + 1)
        return inside if self.mask is None else inside * self._resized(height, width)

    def _resized(self, height: int, width: int) -> Tensor:
        resized: Tensor = torch.nn.functional.interpolate(
            self._values[None, None], (height, width), mode="bilinear", align_corners=False, antialias=True
        )
        return resized[0, 0]

    @cached_property
    def _values(self) -> Tensor:
        if self.mask is None:
            return torch.ones(1, 1)
        return torch.from_numpy(self.mask.allowed).float()

    def layer(self, side: tuple[int, int]) -> Tensor | None:
        """Give the mask at a texture's size, (h, w) float32; None where the whole outline belongs to the sticker."""
        return None if self.mask is None else self._resized(*side)
