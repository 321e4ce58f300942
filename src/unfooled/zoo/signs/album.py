"""Renders of signs as labelled pictures: data for an audit or for hardening, as much as is wanted."""

from __future__ import annotations

import numpy as np
import torch

from unfooled.core.seeds import Draws
from unfooled.modalities.carriers import Png
from unfooled.modalities.sources import Source
from unfooled.scenes.roadside import Roadside

from .grounds import for_judging, grounds
from .renders import renders

MANY = 3400
_SEED, _TOGETHER = 2007, 100


def album(n: int = MANY) -> Source:
    """Render n signs before backgrounds that no zoo's net learned from, (3, 32, 32) uint8 each; the same every time."""
    behind, draws, roadside = grounds(n, _SEED, for_judging()), Draws.of(_SEED, "album"), Roadside()
    parts = [renders(behind.rows(slice(start, start + _TOGETHER)), draws, roadside) for start in range(0, n, _TOGETHER)]
    x, y = (torch.cat(part) for part in zip(*parts, strict=True))
    pictures = (x * 255).round().to(torch.uint8).numpy()
    return Source([f"render {i:04}" for i in range(n)], y.numpy().astype(np.int64), pictures.__getitem__, Png(8))
