"""Sticker: one printable picture that is laid into any photograph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.scenes.outlines import Outline
from unfooled.scenes.pasting import paste
from unfooled.scenes.planes import Planes
from unfooled.scenes.scene import Scene


@dataclass(frozen=True, eq=False, repr=False)
class Sticker:
    """A picture within an outline, and how it is brought.

    Attributes:
        texture: Its colours in [0, 1], (c, s, t).
        outline: Its form.
        scene: Where it may stand, how large it is, how it is turned and lit.
        made: See `Artefact.made`.
    """

    texture: Tensor
    outline: Outline
    scene: Scene
    made: Mapping[str, Any]
    kind: ClassVar[str] = "sticker"

    def __repr__(self) -> str:
        digest = hashlib.sha256(self.texture.cpu().contiguous().numpy().tobytes()).hexdigest()
        return f"Sticker({self.outline.form}, {self.scene}, {digest[:12]})"

    @classmethod
    def of(cls, texture: Tensor, outline: Outline, scene: Scene, made: Mapping[str, Any]) -> Self:
        """Make a sticker, and note its form and scene in how it came to be, so that it can be read back."""
        told = {**made, "outline": outline.describe, "scene": scene.describe}
        return cls(texture, outline, scene, json.loads(json.dumps(told)))  # as it will be read again

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], made: Mapping[str, Any]) -> Self:
        """Make it again from what `tensors` and `made` gave."""
        return cls(tensors["sticker"], Outline.read(made["outline"]), Scene.read(made["scene"]), made)

    def tensors(self) -> dict[str, Tensor]:
        """See `Artefact.tensors`."""
        return {"sticker": self.texture}

    def bring(self, x: Batch, draws: Draws, draw: int = 0) -> Batch:
        """See `Artefact.bring`; nothing outside the outline changes.

        Raises:
            InputError: The sticker does not fit into the pictures.
        """
        return x.holding(self.scene.pasted(self.texture.to(x.values), self.outline, x, draws, draw))

    def sized(self, area: float) -> Self:
        """Give the same sticker at another size, as a share of the picture."""
        scene = replace(self.scene, area=(area, area))
        return type(self).of(self.texture, self.outline, scene, self.made)

    def paste(
        self, photo: Tensor, area: float = 0.15, centre: tuple[float, float] = (0.5, 0.5), angle: float = 0.0
    ) -> Tensor:
        """Lay it into one photograph.

        Args:
            photo: (c, h, w) in [0, 1].
            area: Share of the picture, above 0 to 1.
            centre: Where its middle stands, (x, y) as shares of width and height.
            angle: Its turn in degrees, clockwise.

        Raises:
            InputError: It is larger than the photograph.
        """
        height, width = photo.shape[1:]
        replace(self.scene, area=(area, area), rotation=abs(angle)).check(self.outline, height, width)
        middle = torch.tensor([[centre[0] * width, centre[1] * height]])
        half = self.outline.half(torch.tensor([area]), height, width)
        planes = Planes(half, torch.tensor([angle]), torch.zeros(1, 2), middle)
        still = torch.zeros(1)
        return paste(photo[None], self.texture, self.outline, planes.backward(), (still, still))[0]
