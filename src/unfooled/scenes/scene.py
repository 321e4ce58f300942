"""Scene: what an attacker leaves to chance when a sticker meets a picture, and its drawing by lot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.region import Region
from unfooled.core.seeds import Draws

from .outlines import Outline
from .pasting import paste
from .planes import Planes

_FITS = 1 + 1e-9


class Drawn(NamedTuple):
    """How a sticker meets each picture.

    Attributes:
        planes: Where it stands.
        light: Its contrast and brightness, (n,) each.
    """

    planes: Planes
    light: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Scene:
    """Where and how a sticker may be seen. It is always wholly inside the picture.

    Attributes:
        area: Smallest and largest area as a share of the picture's, above 0 to 1; what is drawn between them is its
            area face on.
        rotation: Largest turn either way, in degrees.
        tilt: How strongly perspective may shrink its far side, 0 for face on, below 1.
        contrast: Largest change of the sticker's contrast either way.
        brightness: Largest change of the sticker's brightness either way.
        place: Where its middle stands, (x, y) as shares of the room that it has: (0, 0) is as far to the upper left as
            it goes. None for anywhere.
        allowed: Where in the picture its middle may stand, (h, w) at any resolution; None for anywhere.
    """

    area: tuple[float, float] = (0.15, 0.15)
    rotation: float = 22.5
    tilt: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    place: tuple[float, float] | None = None
    allowed: Region | None = None

    def __post_init__(self) -> None:
        low, high = self.area
        if not 0 < low <= high <= 1:
            raise InputError("A sticker covers a share of the picture, above 0 to 100%", self.area, "Write 15%.")
        if not (0 <= self.tilt < 1 and min(self.rotation, self.contrast, self.brightness) >= 0):
            raise InputError("A range of a scene is below 0, or the tilt not below 1", self, "Write 0 for none.")
        if self.place is not None and not all(0 <= one <= 1 for one in self.place):
            raise InputError("A place is two shares from 0 to 1", self.place, "Write for example 0.5,0.5.")

    @property
    def describe(self) -> dict[str, Any]:
        """Say it in plain JSON values, see `read`."""
        return {**asdict(self), "allowed": None if self.allowed is None else self.allowed.to_text()}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Make it again from what `describe` gave."""
        place, allowed = told["place"], told["allowed"]
        kept = {"area": tuple(told["area"]), "place": place and tuple(place)}
        return cls(**{**told, **kept, "allowed": allowed and Region.from_text(allowed)})

    def check(self, outline: Outline, height: int, width: int) -> None:
        """Check that a sticker fits into a picture however it is turned.

        Raises:
            InputError: It does not.
        """
        largest = outline.half(torch.tensor([self.area[1]]), height, width)
        turns = torch.linspace(0, self.rotation, 91)
        reach = outline.reach(largest.expand(91, 2), turns).amax(dim=0)
        if bool((2 * reach > _FITS * torch.tensor([width, height])).any()):
            across, down = (2 * reach).tolist()
            raise InputError(
                "The sticker is larger than the picture",
                f"{self.area[1]:.0%} of {width} x {height} pixels, which reaches over {across:.0f} x {down:.0f}",
                "Choose a smaller area.",
            )

    def drawn(self, outline: Outline, x: Batch, draws: Draws, draw: int = 0) -> Drawn:
        """Draw how the sticker meets each picture of x, (n, c, h, w); picture sizes change no lot.

        Raises:
            InputError: The sticker does not fit, or has no allowed place.
        """
        height, width = x.values.shape[2:]
        self.check(outline, height, width)
        lots = draws.uniform((8,), x.ids, "scene", draw).double()
        area = self.area[0] + (self.area[1] - self.area[0]) * lots[:, 0]
        angle = self.rotation * (2 * lots[:, 1] - 1)
        round_, slant = 2 * torch.pi * lots[:, 2], self.tilt * lots[:, 3].sqrt()
        tilt = torch.stack([slant * round_.cos(), slant * round_.sin()], dim=1)
        half = outline.half(area, height, width)
        reach = outline.reach(half, angle)
        room = torch.tensor([width, height], dtype=torch.float64, device=reach.device) - 2 * reach
        places = lots[:, 4:6] if self.place is None else lots.new_tensor(self.place).expand(len(lots), 2)
        centre = reach + places * room.clamp(min=0)
        if self.allowed is not None:
            centre = self._allowed(reach, room, lots[:, 4], height, width)
        light = self.contrast * (2 * lots[:, 6] - 1), self.brightness * (2 * lots[:, 7] - 1)
        return Drawn(Planes(half, angle, tilt, centre), light)

    def pasted(self, texture: Tensor, outline: Outline, x: Batch, draws: Draws, draw: int = 0) -> Tensor:
        """Paste a texture (c, s, t) into each picture as drawn, (n, c, h, w)."""
        found = self.drawn(outline, x, draws, draw)
        return paste(x.values, texture, outline, found.planes.backward(), found.light)

    def _allowed(self, reach: Tensor, room: Tensor, lots: Tensor, height: int, width: int) -> Tensor:
        """Choose among the allowed cells from which the sticker stays inside the picture, (n, 2)."""
        if self.allowed is None or len(self.allowed.shape) != 2:
            raise InputError("A mask of allowed places is (h, w)", self.allowed and self.allowed.shape, "Mend it.")
        down, across = torch.from_numpy(self.allowed.allowed).to(reach.device).nonzero().double().unbind(1)
        cells = torch.stack(
            [(across + 0.5) * width / self.allowed.shape[1], (down + 0.5) * height / self.allowed.shape[0]], dim=1
        )
        fits = ((cells >= reach.unsqueeze(1)) & (cells <= (reach + room).unsqueeze(1))).all(dim=2)
        count = fits.sum(dim=1)
        if not bool((count > 0).all()):
            raise InputError(
                "The sticker has no allowed place that is wholly inside the picture",
                f"{len(cells)} allowed cells",
                "Allow more, or choose a smaller area.",
            )
        wanted = (lots * count).long().clamp(max=count - 1)
        chosen = (fits.cumsum(dim=1) == (wanted + 1).unsqueeze(1)).to(torch.int8).argmax(dim=1)
        return cells[chosen]
