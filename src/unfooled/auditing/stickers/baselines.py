"""What a sticker is to be compared with: noise, and a picture of the target itself, of the same form and size."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate

from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.crafting.sticker import Sticker


def noise_like(sticker: Sticker, seed: int) -> Sticker:
    """Draw every texel by lot."""
    one = torch.zeros(1, dtype=torch.int64)
    noise = Draws.of(seed, "noise").uniform(tuple(sticker.texture.shape), one, "texels")[0]
    return Sticker.of(noise, sticker.outline, sticker.scene, {"by": "lot"})


def picture_like(sticker: Sticker, read: np.ndarray) -> Sticker:
    """Put a picture (c, h, w) of integers in the sticker's place, its middle cut to the sticker's form.

    Raises:
        InputError: It has other colours than the sticker.
    """
    colours, height, width = read.shape
    if colours not in (1, len(sticker.texture)):
        raise InputError("The picture has other colours than the sticker", f"{colours} channels", "Convert it.")
    values = torch.from_numpy(read.astype(np.float32) / np.iinfo(read.dtype).max).expand(len(sticker.texture), -1, -1)
    aspect = sticker.outline.aspect
    tall, broad = min(height, round(width / aspect)), min(width, round(height * aspect))
    top, left = (height - tall) // 2, (width - broad) // 2
    middle = values[None, :, top : top + tall, left : left + broad]
    fitted = interpolate(middle, (224, 224), mode="bilinear", align_corners=False, antialias=True)[0]
    return Sticker.of(fitted, sticker.outline, sticker.scene, {"by": "picture"})
