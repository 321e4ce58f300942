"""AlteredSign: a road sign with tape or paint on it, and how it is looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.scenes.camera import Camera
from unfooled.scenes.outlines import Outline
from unfooled.scenes.pasting import paste
from unfooled.scenes.poses import homography, inverse
from unfooled.scenes.roadside import Roadside
from unfooled.scenes.weather import Weather
from unfooled.zoo.signs.renders import SIDE, face

from .subtlety import Difference, difference


@dataclass(frozen=True, eq=False, repr=False)
class AlteredSign:
    """Colours within a mask on a sign.

    Attributes:
        sign: Its name, see `zoo.signs.artwork.CLASSES`.
        colours: Of tape or paint in [0, 1], (3, g, g), spread over the sign's square.
        mask: How opaque it is where, (m, m) in [0, 1].
        roadside: How the sign is looked at.
        made: See `Artefact.made`.
    """

    sign: str
    colours: Tensor
    mask: Tensor
    roadside: Roadside
    made: Mapping[str, Any]
    kind: ClassVar[str] = "sign"

    def __repr__(self) -> str:
        content = torch.cat([self.colours.flatten(), self.mask.flatten()]).cpu().numpy().tobytes()
        return f"AlteredSign({self.sign}, {hashlib.sha256(content).hexdigest()[:12]})"

    @classmethod
    def of(cls, sign: str, colours: Tensor, mask: Tensor, roadside: Roadside, made: Mapping[str, Any]) -> Self:
        """Make one, and note in how it came to be what is needed to read it back."""
        told = {**made, "sign": sign, "roadside": asdict(roadside)}
        return cls(sign, colours, mask, roadside, json.loads(json.dumps(told)))  # as it will be read again

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], made: Mapping[str, Any]) -> Self:
        """Make it again from what `tensors` and `made` gave."""
        told: dict[str, Any] = _tuples(made["roadside"])
        seen = {"weather": Weather(**_tuples(told["weather"])), "camera": Camera(**told["camera"])}
        roadside = Roadside(**{**told, **seen})
        return cls(made["sign"], tensors["colours"], tensors["mask"], roadside, made)

    def tensors(self) -> dict[str, Tensor]:
        """See `Artefact.tensors`."""
        return {"colours": self.colours, "mask": self.mask}

    def painted(self, side: int) -> Tensor:
        """Draw the altered sign, (4, side, side) in [0, 1]."""
        return laid(face(self.sign, side), self.colours, self.mask)

    def bring(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Put the altered sign before backgrounds (n, 3, 64, 64); see `Artefact.bring`."""
        return x.holding(self.roadside.shown(self._face, x, draws, draw))

    def clean(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """Put the clean sign in the same places in the same light."""
        return x.holding(self.roadside.shown(face(self.sign), x, draws, draw))

    def paste(self, photo: Tensor, corners: Tensor) -> Tensor:
        """Lay its tape, or its shadow, on the same sign in a photograph.

        Args:
            photo: (3, h, w) in [0, 1].
            corners: Upper left, upper right, lower right, lower left of the square around the sign, (4, 2) in pixels.
        """
        opacity = float(self.mask.max())
        if not opacity:
            return photo
        side, still = self.mask.shape[-1], torch.zeros(1)
        backward, outline = inverse(homography(corners[None])), Outline.of(self.mask.cpu() > opacity / 2)
        spread = interpolate(self.colours[None], (side, side), mode="nearest-exact")[0]
        opaque = paste(photo[None], spread.to(photo), outline, backward, (still, still))[0]
        return photo + opacity * (opaque - photo)

    @property
    def difference(self) -> Difference:
        """Tell how far it is from the clean sign."""
        return difference(face(self.sign), self._face, sized((self.mask > 0).float(), SIDE))

    @cached_property
    def _face(self) -> Tensor:
        return self.painted(SIDE)


def laid(clean: Tensor, colours: Tensor, mask: Tensor) -> Tensor:
    """Lay colours (3, g, g) within a mask (m, m) on a sign (4, s, s); differentiable."""
    side = clean.shape[1]
    cover = sized(mask, side)
    spread = interpolate(colours[None], (side, side), mode="nearest-exact")[0]
    return torch.cat([clean[:3] + cover * (spread - clean[:3]), clean[3:]])


def sized(mask: Tensor, side: int) -> Tensor:
    """Give a mask (m, m) at another size, (side, side)."""
    resized: Tensor = interpolate(mask[None, None], (side, side), mode="bilinear", align_corners=False, antialias=True)
    return resized[0, 0]


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    """Make tuples again of what JSON made lists of."""
    return {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
