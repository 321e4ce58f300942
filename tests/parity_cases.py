"""The problem that peers and we are set alike: a seeded net, seeded pictures, the net's own labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfooled.zoo.small import small_cnn

STEPS, SHARE = 20, 0.125
"""Steps of every run, and the size of one as a share of the radius: an eighth, exact in floats."""

RADII = {"linf": (4 / 255, 6 / 255, 8 / 255, 10 / 255), "l2": (0.25, 0.4, 0.5, 0.6)}


def posed(n: int = 64) -> tuple[nn.Module, Tensor, Tensor]:
    """Give net, pictures (n, 1, 28, 28) in the middle of the range, and labels."""
    module = small_cnn(0)
    with torch.no_grad():
        x = 0.25 + 0.5 * torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(11))
        x = (x * 255).round() / 255
        return module, x, module(x).argmax(dim=1)
