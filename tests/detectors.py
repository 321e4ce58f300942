"""A detector small enough to reckon with: it reports bright cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

CELL = 8


class Bright(nn.Module):
    """Looks at cells of 8 x 8 pixels in pictures (n, c, h, w): boxes (n, m, 4), and how bright each is, (n, m)."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        means = avg_pool2d(values.mean(dim=1, keepdim=True), CELL)
        down, across = (torch.arange(side) * float(CELL) for side in means.shape[2:])
        corners = torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=2).view(-1, 2)
        boxes = torch.cat([corners, corners + CELL], dim=1)
        return boxes.expand(len(values), -1, -1), means.flatten(1)


def bright() -> nn.Module:
    """Build it, for `file.py:factory`."""
    return Bright().eval()


def scenes(n: int, seed: int, side: int = 40) -> Tensor:
    """Draw dark pictures (n, 3, side, side) with two bright cells each, off the rim."""
    lots = torch.Generator().manual_seed(seed)
    x = 0.2 * torch.rand(n, 3, side, side, generator=lots)
    for row in x:
        for place in torch.randperm(9, generator=lots)[:2].tolist():
            top, left = (CELL * (1 + one) for one in divmod(place, 3))
            row[:, top : top + CELL, left : left + CELL] += 0.6
    return x.clamp(0, 1)
