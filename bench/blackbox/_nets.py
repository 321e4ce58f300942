"""What the scripts of this folder attack: EfficientNet-Lite0 at 160 pixels, and a CIFAR-10 network out of a package."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

CIFAR_SHA256 = "0eddc60b9fcbcab498ff07c8430a94ef1d0ee5ac04ad2d0c75d4977cc25cf9e9"


class Photographic(nn.Module):
    """A net for normalised pictures that takes them in [0, 1]."""

    def __init__(self, net: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.net, self.mean, self.std = net, mean, std
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.net((x - self.mean) / self.std)
        return scores


def photographs(size: int) -> tuple[nn.Module, Tensor, Tensor]:
    """EfficientNet-Lite0, and those of the twenty photos (n, 3, size, size) that it reads right."""
    from unfooled.zoo.efficientnet import MEAN, STD, efficientnet_lite0
    from unfooled.zoo.photos import photos

    found = photos()
    shown = [np.asarray(square(Image.fromarray(one.transpose(1, 2, 0)), size)) for one in found.pictures]
    x = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 255
    net = Photographic(efficientnet_lite0(), MEAN, STD)
    return net, *read_right(net, x, torch.from_numpy(found.labels))


def square(picture: Image.Image, size: int) -> Image.Image:
    """Cut the middle out and resize it."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)


def read_right(net: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        right = net(x).argmax(dim=1) == y
    return x[right], y[right]


def cifar() -> tuple[nn.Module, Tensor, Tensor]:
    """The network of the package cifar-10-model, and those of foolbox's twenty pictures that it reads right."""
    path = folder("cifar_10_model") / "trained_models" / "cnn_model.h5"
    if hashlib.sha256(path.read_bytes()).hexdigest() != CIFAR_SHA256:
        raise SystemExit(f"{path.name} is not the known one: install cifar-10-model==7.4.0")
    pictures = sorted((folder("foolbox") / "data").glob("cifar10_*.png"))
    x = torch.from_numpy(np.stack([np.asarray(Image.open(one).convert("RGB")) for one in pictures]))
    y = torch.tensor([int(one.stem.rpartition("_")[2]) for one in pictures])
    net = Photographic(keras_net(path), 0.0, 1 / 255)  # it was trained on 0 to 255
    return net, *read_right(net, x.permute(0, 3, 1, 2).float() / 255, y)


def folder(package: str) -> Path:
    """Find a package without running its code."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"There is no package {package}; it stands in requirements/peers.txt")
    return Path(found.origin).parent


def keras_net(path: Path) -> nn.Module:
    """Build the network from its weights: three pairs of convolutions with batch norm, then three dense layers."""
    with h5py.File(path) as file:
        weights = file["model_weights"]

        def read(layer: str, name: str) -> Tensor:
            return torch.from_numpy(np.asarray(weights[layer][layer][f"{name}:0"])).float()

        layers: list[nn.Module] = []
        for number in range(6):
            ending = f"_{number}" if number else ""
            kernel = read(f"conv2d{ending}", "kernel")
            conv = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3)
            conv.weight.data, conv.bias.data = kernel.permute(3, 2, 0, 1), read(f"conv2d{ending}", "bias")
            norm, named = nn.BatchNorm2d(kernel.shape[3], eps=1e-3), f"batch_normalization{ending}"
            norm.weight.data, norm.bias.data = read(named, "gamma"), read(named, "beta")
            norm.running_mean, norm.running_var = read(named, "moving_mean"), read(named, "moving_variance")
            layers += [conv, nn.ReLU(), norm, *([nn.MaxPool2d(2)] if number in (1, 3) else [])]
        layers.append(nn.Flatten())  # one place is left, so that the order of axes does not matter
        for ending in ("", "_1", "_2"):
            kernel = read(f"dense{ending}", "kernel")
            dense = nn.Linear(*kernel.shape)
            dense.weight.data, dense.bias.data = kernel.T.contiguous(), read(f"dense{ending}", "bias")
            layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers)
