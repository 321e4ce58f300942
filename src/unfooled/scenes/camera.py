"""Camera: what the way from a scene to a file does to a whole picture."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.rows import wide
from unfooled.core.seeds import Draws

from .pasting import straight


@dataclass(frozen=True)
class Camera:
    """Blur, noise and JPEG, in this order, drawn anew for each picture.

    What cannot be differentiated, the cut at 0 and 1 and the JPEG file, hands its gradient straight through.

    Attributes:
        blur: Largest standard deviation of the blur, in pixels, 0 for a sharp lens.
        noise: Standard deviation of the sensor's noise, which is uniform, in units of [0, 1].
        jpeg: Lowest quality of the file, 1 to 100; qualities up to 95 are drawn. None for no such file.
    """

    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None

    def __post_init__(self) -> None:
        if self.blur < 0 or self.noise < 0 or not 1 <= (self.jpeg or 95) <= 95:
            raise InputError("A camera's setting is out of range", self, "Blur and noise from 0, JPEG 1 to 95.")

    def shot(self, x: Batch, draws: Draws, draw: int = 0) -> Tensor:
        """Take pictures (n, c, h, w) of scenes in [0, 1]."""
        lots = draws.uniform((2,), x.ids, "camera", draw)
        values = blurred(x.values, self.blur * lots[:, 0], math.ceil(3 * self.blur)) if self.blur else x.values
        if self.noise:
            grain = draws.uniform(tuple(values.shape[1:]), x.ids, "grain", draw)
            values = values + (grain - 0.5) * (math.sqrt(12) * self.noise)
        values = straight(values.clamp(0, 1), values)
        if self.jpeg is None:
            return values
        quality = self.jpeg + ((96 - self.jpeg) * lots[:, 1]).long()
        return straight(filed(values.detach(), quality), values)


def blurred(values: Tensor, sigma: Tensor, reach: int) -> Tensor:
    """Blur pictures (n, c, h, w) by Gaussians of these standard deviations, (n,), cut off at `reach` pixels.

    Edges are mirrored.
    """
    steps = torch.arange(-reach, reach + 1, device=values.device)
    weights = torch.exp(-steps.square() / (2 * sigma.double().clamp(min=1e-3).unsqueeze(1).square()))
    weights = (weights / weights.cumsum(dim=1)[:, -1:]).to(values.dtype)
    for axis in (2, 3):
        size = values.shape[axis]
        place = torch.arange(size, device=values.device)
        total = torch.zeros_like(values)
        for step, weight in zip(steps.tolist(), weights.unbind(1), strict=True):
            mirrored = (place + step).abs() % (2 * size)
            mirrored = torch.minimum(mirrored, 2 * size - 1 - mirrored)
            total = total + wide(weight, values) * values.index_select(axis, mirrored)
        values = total
    return values


def filed(values: Tensor, quality: Tensor) -> Tensor:
    """Save pictures (n, c, h, w) in [0, 1] as JPEG of these qualities, (n,), and read them again."""
    shown = (values * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    read = [_filed(one, level) for one, level in zip(shown, quality.tolist(), strict=True)]
    return torch.from_numpy(np.stack(read)).to(values) / 255


def _filed(picture: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    pixels = picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as read:
        again = np.asarray(read)
    return again[None] if again.ndim == 2 else np.ascontiguousarray(again.transpose(2, 0, 1))
