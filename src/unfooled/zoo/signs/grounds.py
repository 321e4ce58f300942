"""What stands behind a sign: pieces of photographs where there are some, and drawn skies, woods, walls and roads."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from unfooled.core.batch import Batch
from unfooled.core.seeds import Draws
from unfooled.zoo.unlabelled import unlabelled

SIDE = 64
"""Of a background, in pixels."""

TAUGHT = 80
"""Of the photographs of ai-benchmark, so many are for learning; the others are for judging."""

_SKIES = torch.tensor([[0.55, 0.70, 0.90], [0.75, 0.78, 0.82], [0.30, 0.42, 0.25], [0.45, 0.40, 0.35]])
_FLOORS = torch.tensor([[0.38, 0.38, 0.40], [0.30, 0.40, 0.22], [0.50, 0.45, 0.38], [0.25, 0.26, 0.28]])


def grounds(n: int, seed: int, photographs: Sequence[np.ndarray] = ()) -> Batch:
    """Make backgrounds, (n, 3, 64, 64) in [0, 1]: three quarters are pieces of the photographs, if there are any.

    Args:
        n: How many.
        seed: Of what is drawn; their ids hang on it too.
        photographs: (3, h, w) uint8 each.
    """
    ids = torch.arange(n) + seed * 1_000_003
    draws = Draws.of(seed, "grounds")
    values = painted(ids, draws)
    lots = draws.uniform((5,), ids, "piece").tolist()
    for row, (which, photograph, size, across, down) in enumerate(lots):
        if photographs and which < 0.75:
            values[row] = _piece(photographs[int(photograph * len(photographs))], size, across, down)
    return Batch(values, ids)


def for_learning() -> list[np.ndarray]:
    """Give the photographs behind signs to learn from; none where ai-benchmark is not installed."""
    return unlabelled()[:TAUGHT] if importlib.util.find_spec("ai_benchmark") else []


def for_judging() -> list[np.ndarray]:
    """Give other photographs; none where ai-benchmark is not installed."""
    return unlabelled()[TAUGHT:] if importlib.util.find_spec("ai_benchmark") else []


def painted(ids: Tensor, draws: Draws) -> Tensor:
    """Draw backgrounds (n, 3, 64, 64): a sky over a floor, clouds of all sizes, walls and poles."""
    n, lots = len(ids), draws.uniform((40,), ids, "painted")
    line = torch.linspace(-1, 1, SIDE)
    sky, floor = (one[(lots[:, k] * len(one)).long()].view(n, 3, 1, 1) for k, one in ((0, _SKIES), (1, _FLOORS)))
    horizon = lots[:, 2].view(n, 1, 1, 1) * 1.6 - 0.5
    below = torch.sigmoid((line.view(1, 1, -1, 1) - horizon) * (4 + 40 * lots[:, 3].view(n, 1, 1, 1)))
    values = (sky + below * (floor - sky)).expand(n, 3, SIDE, SIDE).clone()
    for k in range(3):  # boxes: houses, cars, poles
        x, y, wide, high, *colour = lots[:, 4 + 7 * k : 11 + 7 * k].view(n, 7, 1, 1, 1).unbind(1)
        box = (line.view(1, 1, 1, -1) - 2 * x + 1).abs() < 0.02 + 0.6 * wide.square()
        box = box & ((line.view(1, 1, -1, 1) - 2 * y + 1).abs() < 0.05 + high)
        shade = torch.cat(colour, dim=1)
        values = torch.where(box, 0.2 + 0.6 * (0.5 * shade + 0.5 * shade.mean(dim=1, keepdim=True)), values)
    for side in (3, 6, 12, 24, SIDE):  # the finer, the fainter or the stronger, by lot
        field = draws.uniform((3, side, side), ids, f"field {side}") - 0.5
        field = 0.3 * field + 0.7 * field.mean(dim=1, keepdim=True)
        strength = (0.6 * lots[:, 30 + side % 7].square()).view(n, 1, 1, 1)
        values += strength * interpolate(field, (SIDE, SIDE), mode="bilinear", align_corners=False)
    return values.clamp(0, 1)


def _piece(photograph: np.ndarray, size: float, across: float, down: float) -> Tensor:
    """Cut a square out of a photograph, by three numbers in [0, 1), and shrink it."""
    height, width = photograph.shape[1:]
    side = round(min(height, width) * (0.12 + 0.7 * size * size))
    top, left = int(down * (height - side)), int(across * (width - side))
    cut = Image.fromarray(np.ascontiguousarray(photograph[:, top : top + side, left : left + side].transpose(1, 2, 0)))
    shrunk = np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32) / 255
    return torch.from_numpy(shrunk.transpose(2, 0, 1).copy())
