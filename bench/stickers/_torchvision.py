"""The four functions of torchvision that ART's AdversarialPatchPyTorch calls, by torch alone.

torchvision's compiled part does not load beside a CPU build of torch. Each of these does what torchvision's own Python
code does for tensors, one resampling a call, and so costs about the same.
"""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class InterpolationMode:
    NEAREST = "nearest"


def install() -> None:
    """Let `import torchvision` find these."""
    top, transforms, inner = (
        ModuleType(name) for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    )
    top.__dict__.update(transforms=transforms, __version__="0.28.0", models=None)
    transforms.__dict__.update(functional=inner, InterpolationMode=InterpolationMode)
    inner.__dict__.update(resize=resize, pad=pad, perspective=perspective, affine=affine)
    for module in (top, transforms, inner):
        sys.modules[module.__name__] = module


def resize(img: Tensor, size: tuple[int, int], interpolation: Any) -> Tensor:
    return functional.interpolate(img, [int(one) for one in size], mode="bilinear", antialias=True)


def pad(img: Tensor, padding: list[int], fill: float, padding_mode: str) -> Tensor:
    left, top, right, bottom = padding
    return functional.pad(img, (left, right, top, bottom), value=fill)


def perspective(img: Tensor, *, startpoints: Any, endpoints: Any, **_: Any) -> Tensor:
    """Resample with the identity: the only case here, since no distortion is asked for."""
    if startpoints != endpoints:
        raise NotImplementedError("distortion")
    grid = functional.affine_grid(torch.eye(2, 3)[None], [1, *img.shape], align_corners=False)
    return functional.grid_sample(img[None], grid, mode="bilinear", align_corners=False)[0]


def affine(img: Tensor, *, angle: float, translate: list[float], scale: float, interpolation: str, **_: Any) -> Tensor:
    height, width = img.shape[1:]
    cos, sin = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
    across, down = float(translate[0]), float(translate[1])
    matrix = torch.tensor(
        [
            [cos, sin * height / width, -(cos * across + sin * down) * 2 / width],
            [-sin * width / height, cos, (sin * across - cos * down) * 2 / height],
        ]
    )
    grid = functional.affine_grid(matrix[None], [1, *img.shape], align_corners=False)
    return functional.grid_sample(img[None], grid, mode=interpolation, align_corners=False)[0]
