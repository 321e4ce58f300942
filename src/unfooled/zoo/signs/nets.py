"""Four small nets of different kinds that read crops of signs: pictures (n, 3, 32, 32), normalised, to scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .artwork import CLASSES

MEAN, STD = 0.45, 0.25
"""Normalisation in units of [0, 1], of all channels."""


def _convolved(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU())


def strided() -> nn.Module:
    """Build the usual one: three convolutions with large first kernels and strides, and two dense layers."""
    return nn.Sequential(
        _convolved(3, 32, 5, 2),
        _convolved(32, 64, 3, 2),
        _convolved(64, 64, 3, 2),
        nn.Flatten(),
        nn.Linear(64 * 16, 64),
        nn.ReLU(),
        nn.Linear(64, len(CLASSES)),
    )


def pooled() -> nn.Module:
    """Build one of pairs of 3 x 3 convolutions with max-pooling between them."""
    return nn.Sequential(
        _convolved(3, 16, 3), nn.MaxPool2d(2), _convolved(16, 32, 3), _convolved(32, 32, 3), nn.MaxPool2d(2),
        _convolved(32, 64, 3), _convolved(64, 64, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 16, len(CLASSES)),
    )  # fmt: skip


def residual() -> nn.Module:
    """Build one of residual blocks."""
    return nn.Sequential(
        _convolved(3, 24, 3, 2), _Residual(24, 24, 1), _Residual(24, 48, 2), _Residual(48, 96, 2),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(96 * 4, len(CLASSES)),
    )  # fmt: skip


def separable() -> nn.Module:
    """Build one of convolutions a channel, each mixed by a 1 x 1 convolution."""
    layers: list[nn.Module] = [_convolved(3, 32, 3, 2)]
    for inside, outside, stride in ((32, 64, 1), (64, 96, 2), (96, 96, 1), (96, 128, 2)):
        layers += [_convolved(inside, inside, 5, stride, groups=inside), _convolved(inside, outside, 1)]
    return nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(128 * 4, len(CLASSES)))


NETS: dict[str, Callable[[], nn.Module]] = {
    "signs": strided,
    "signs-pooled": pooled,
    "signs-residual": residual,
    "signs-separable": separable,
}
"""How each net of the zoo is built, by its name after `zoo:`."""


def untrained(name: str, seed: int = 0) -> nn.Module:
    """Build a net with seeded weights; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETS[name]()


class _Residual(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _convolved(inside, outside, 3, stride),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        same = inside == outside and stride == 1
        self.past = nn.Identity() if same else nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.inner(x) + self.past(x))
