"""The nets and data of the benches. Each net is trained once, on one thread, and kept in `bench/data/models/`.

From a script elsewhere in `bench/`: `from distances._models import data, models`.
"""

from __future__ import annotations

import gzip
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from unfooled.zoo.small import resnet8, small_cnn

HOME = Path(__file__).parents[1] / "data"
Perturb = Callable[[nn.Module, Tensor, Tensor, float], Tensor]


def data(n: int | None = None, name: str = "mnist", part: str = "t10k") -> tuple[Tensor, Tensor]:
    """Read the first n pictures (n, 1, 28, 28) in [0, 1] and their labels (n,); `part` is `t10k` or `train`."""
    x = read_idx(HOME / name, f"{part}-images-idx3-ubyte")[:n]
    y = read_idx(HOME / name, f"{part}-labels-idx1-ubyte")[:n]
    return torch.from_numpy(x).float().div(255).unsqueeze(1), torch.from_numpy(y).long()


def read_idx(folder: Path, name: str) -> np.ndarray:
    """Read an IDX file of bytes: two zeros, the type 8, the number of axes, their lengths, the values."""
    packed = folder / f"{name}.gz"
    if not folder.is_dir():
        raise SystemExit(f"There is no {folder}. Say: make bench-data")
    raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else (folder / name).read_bytes()
    zeros, kind, axes = struct.unpack_from(">HBB", raw)
    shape = struct.unpack_from(f">{axes}I", raw, 4)
    if (zeros, kind) != (0, 8) or len(raw) != 4 + 4 * axes + np.prod(shape):
        raise SystemExit(f"{folder / name} is no IDX file of bytes")
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def models(*names: str) -> dict[str, nn.Module]:
    """Give these nets, or all, in evaluation mode; those that are not there yet are trained first."""
    return {name: NETS[name]() for name in names or NETS}


def trained(name: str, source: str, epochs: int, perturb: Perturb | None = None) -> nn.Module:
    """Train a small CNN, against `perturb` if given, or load what an earlier run trained."""
    return kept(name, small_cnn(0), lambda net: fit(net, *data(name=source, part="train"), epochs, perturb))


def kept(name: str, net: nn.Module, train: Callable[[nn.Module], None]) -> nn.Module:
    """Train a net on one thread with seed 0, or load what an earlier run trained under this name."""
    path = HOME / "models" / f"{name}.safetensors"
    if not path.is_file():
        print(f"training {name}", file=sys.stderr, flush=True)
        began, threads = time.process_time(), torch.get_num_threads()
        torch.set_num_threads(1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            train(net)
        torch.set_num_threads(threads)
        path.parent.mkdir(exist_ok=True)
        save_file(net.state_dict(), path.with_suffix(".new"))
        path.with_suffix(".new").rename(path)
        print(f"{name}: {time.process_time() - began:.0f} CPU s", file=sys.stderr, flush=True)
    net.load_state_dict(load_file(path))
    return net.eval()


def blame(net: nn.Module, x: Tensor, x_t: Tensor, y: Tensor) -> Tensor:
    """Give the loss of adversarial training: the cross-entropy of the perturbed pictures, ()."""
    return functional.cross_entropy(net(x_t), y)


def fit(
    net: nn.Module, x: Tensor, y: Tensor, epochs: int, perturb: Perturb | None, *, loss: Callable[..., Tensor] = blame
) -> None:
    """Train by Adam with a learning rate that falls to zero; the perturbation grows to its size in a third of it."""
    adam, batch = torch.optim.Adam(net.parameters(), 2e-3), 128
    total = epochs * (len(x) // batch)
    fall = torch.optim.lr_scheduler.LambdaLR(adam, lambda done: 1 - done / total)
    done = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(x))[: len(x) // batch * batch].split(batch):
            net.eval()  # a batch norm learns from the steps below, not from the search
            x_t = x[rows] if perturb is None else perturb(net, x[rows], y[rows], min(1.0, 3 * done / total))
            net.train()
            adam.zero_grad(set_to_none=True)
            loss(net, x[rows], x_t, y[rows]).backward()
            adam.step()
            fall.step()
            done += 1


def in_linf(radius: float, steps: int = 5) -> Perturb:
    """PGD in the Linf ball, from a random start."""

    def perturb(net: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        size = share * radius
        low, high = (x - size).clamp(min=0), (x + size).clamp(max=1)
        x_t = (x + size * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
        for _ in range(steps):
            x_t = torch.clamp(x_t + 2 * size / steps * gradient(net, x_t, y).sign(), low, high)
        return x_t

    return perturb


def in_l2(radius: float, steps: int = 5) -> Perturb:
    """PGD in the L2 ball, from the picture itself."""

    def perturb(net: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        size, x_t = share * radius, x
        for _ in range(steps):
            grad = gradient(net, x_t, y)
            change = x_t + 2 * size / steps * grad / length(grad).clamp(min=1e-12) - x
            x_t = (x + change * (size / length(change).clamp(min=1e-12)).clamp(max=1)).clamp(0, 1)
        return x_t

    return perturb


def gradient(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Differentiate the loss at the input alone."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(functional.cross_entropy(net(x), y, reduction="sum"), x)[0]


def length(change: Tensor) -> Tensor:
    """Measure each row by L2, (n, 1, 1, 1)."""
    return change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


NETS: dict[str, Callable[[], nn.Module]] = {
    "mnist_clean": lambda: trained("mnist_clean", "mnist", 6),
    "mnist_at": lambda: trained("mnist_at", "mnist", 15, in_linf(0.3)),
    "mnist_l2": lambda: trained("mnist_l2", "mnist", 8, in_l2(2.0)),
    "fashion_clean": lambda: trained("fashion_clean", "fashion-mnist", 6),
    "resnet8": lambda: resnet8(0),
}
"""Undefended nets; one trained against Linf 0.3, one against L2 2; and one of random weights, 3x32x32, for its cost."""

if __name__ == "__main__":
    for made, net in models().items():
        if made != "resnet8":
            x, y = data(name="fashion-mnist" if made.startswith("fashion") else "mnist")
            with torch.no_grad():
                print(f"{made}: {(net(x).argmax(dim=1) == y).float().mean():.2%} right")
