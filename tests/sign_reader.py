"""A reader of signs in closed form: ridge regression from coarse pictures, good enough to be fooled in tests."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from unfooled.core.seeds import Draws
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import grounds
from unfooled.zoo.signs.renders import renders


@cache
def reader() -> nn.Module:
    """Read pictures (n, 3, 32, 32) in [0, 1]; it knows a stop sign nearly always."""
    x, y = renders(grounds(700, 5), Draws.of(1, "reader"), Roadside(), styles=1)
    seen = nn.functional.avg_pool2d(x, 2).flatten(1)
    wide = torch.cat([seen, torch.ones(len(seen), 1)], dim=1).double()
    wanted = 10 * nn.functional.one_hot(y, len(CLASSES)).double()
    kernel = wide.T @ wide + 3 * torch.eye(wide.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(kernel, wide.T @ wanted).float()
    layer = nn.Linear(seen.shape[1], len(CLASSES))
    with torch.no_grad():
        layer.weight.copy_(weights[:-1].T)
        layer.bias.copy_(weights[-1])
    return nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), layer).eval()


def factory() -> nn.Module:
    """Give the reader to `load_model`."""
    return reader()
