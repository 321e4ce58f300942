"""A moving view: a sticker that comes nearer, as the frames of a film show it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws

from .outlines import Outline
from .pasting import paste
from .planes import Planes


@dataclass(frozen=True)
class Approach:
    """A camera goes straight at a sticker: it grows smoothly, sways, turns to face on and drifts to the middle.

    Attributes:
        frames: How many, 2 or more.
        area: Share of the picture in the first and in the last frame; its square root grows evenly.
        sway: Largest turn either way, in degrees.
        tilt: Perspective in the first frame, 0 to below 1; in the last it is face on.
    """

    frames: int = 24
    area: tuple[float, float] = (0.02, 0.30)
    sway: float = 20.0
    tilt: float = 0.3

    def areas(self) -> list[float]:
        """Give the area in each frame as a share of the picture's."""
        first, last = (one**0.5 for one in self.area)
        return [(first + (last - first) * t) ** 2 for t in self._times().tolist()]

    def shown(self, texture: Tensor, outline: Outline, x: Batch, draws: Draws) -> Tensor:
        """Paste a texture (c, s, t) into one picture, x (1, c, h, w), for every frame: (frames, c, h, w)."""
        height, width = x.values.shape[2:]
        t, lots = self._times().to(x.ids.device), draws.uniform((4,), x.ids, "approach").double()[0]
        half = outline.half(torch.tensor(self.areas(), device=t.device), height, width)
        angle = self.sway * torch.sin(2 * torch.pi * (t + lots[0]))
        reach = outline.reach(half, angle)
        room = torch.tensor([width, height], dtype=torch.float64, device=t.device) - 2 * reach
        drift = lots[1:3] + (0.5 - lots[1:3]) * t.unsqueeze(1)
        slant = self.tilt * (1 - t)
        round_ = 2 * torch.pi * lots[3]
        tilt = torch.stack([slant * round_.cos(), slant * round_.sin()], dim=1)
        planes = Planes(half, angle, tilt, reach + drift * room.clamp(min=0))
        still = torch.zeros(self.frames, device=t.device)
        values = x.values.expand(self.frames, -1, -1, -1)
        return paste(values, texture, outline, planes.backward(), (still, still))

    def _times(self) -> Tensor:
        return torch.linspace(0, 1, self.frames, dtype=torch.float64)
