"""Thirteen defences that hide gradients, planted in any net that ends in a linear layer, and the sound twin of each.

A twin stands in the same place and does much the same to the answers, and its gradients are honest. From a script
elsewhere in `bench/`: `from engine._planted import PLANTS, planted, twin`; why each masks is in `_causes.py`.
Accuracies, in `bench/`: `python -m engine._planted mnist_at`.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import NamedTuple

import torch
from engine import _masks as masks
from engine._masks import Layer
from engine._nets import NETS, examples, net, points
from torch import Tensor, nn

Make = Callable[[nn.Module, Tensor, float], nn.Module]
"""A net, clean training pictures (n, c, h, w) to fit to, and the setting -> the net with something planted in it."""


class Plant(NamedTuple):
    """A family: how it is planted, how its twin is, and two settings, one to calibrate on and one to judge."""

    masked: Make
    sound: Make
    settings: tuple[float, float]


def planted(family: str, net: nn.Module, x: Tensor, setting: float | None = None) -> nn.Module:
    """Plant a defence in a copy of a net; `x` are clean training pictures; the setting is the first if None."""
    plant = PLANTS[family]
    return plant.masked(copy.deepcopy(net), x, plant.settings[0] if setting is None else setting).eval()


def twin(family: str, net: nn.Module, x: Tensor, setting: float | None = None) -> nn.Module:
    """Plant the sound twin of a defence likewise."""
    plant = PLANTS[family]
    return plant.sound(copy.deepcopy(net), x, plant.settings[0] if setting is None else setting).eval()


# Where it stands: before the net, after it, around it, before its last linear layer, or after every ReLU.


def before(function: Callable[[Tensor, float], Tensor]) -> Make:
    return lambda net, x, setting: nn.Sequential(Layer(lambda values: function(values, setting)), net)


def after(function: Callable[[Tensor, float], Tensor]) -> Make:
    return lambda net, x, setting: nn.Sequential(net, Layer(lambda scores: function(scores, setting)))


def around(function: Callable[[Tensor, nn.Module, float], Tensor]) -> Make:
    return lambda net, x, setting: Layer(lambda values, net: function(values, net, setting), net)


def at_features(make: Callable[[Tensor, float], nn.Module]) -> Make:
    """Plant what `make` fits to the features (n, d) before the last linear layer."""

    def plant(net: nn.Module, x: Tensor, setting: float) -> nn.Module:
        name, last = [(name, part) for name, part in net.named_modules() if isinstance(part, nn.Linear)][-1]
        seen: list[Tensor] = []
        hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        with torch.no_grad():
            net(x)
        hook.remove()
        net.set_submodule(name, nn.Sequential(make(seen[0], setting), last))
        return net

    return plant


def at_relus(function: Callable[[Tensor, float], Tensor]) -> Make:
    def plant(net: nn.Module, x: Tensor, setting: float) -> nn.Module:
        for name in [name for name, part in net.named_modules() if isinstance(part, nn.ReLU)]:
            net.set_submodule(name, nn.Sequential(nn.ReLU(), Layer(lambda values: function(values, setting))))
        return net

    return plant


PLANTS: dict[str, Plant] = {
    "quantisation": Plant(before(masks.rounded), before(masks.waved), (8, 16)),
    "jpeg": Plant(before(masks.jpeg), before(masks.blurred), (75, 50)),
    "resize": Plant(before(masks.resized), before(masks.centred), (0.9, 0.85)),
    "dropout": Plant(at_features(masks.dropping), at_features(lambda _, share: nn.Dropout(share)), (0.2, 0.4)),
    "k-wta": Plant(at_relus(masks.winners), at_relus(masks.damped), (0.2, 0.3)),
    "temperature": Plant(after(lambda scores, t: scores * t), after(lambda scores, _: scores * 3), (1000, 3000)),
    "softmax": Plant(
        after(lambda scores, t: (scores * t).softmax(dim=1)),
        after(lambda scores, t: (scores * t).log_softmax(dim=1)),
        (1, 2),
    ),
    "detached": Plant(at_features(masks.cut), at_features(lambda _, share: nn.Identity()), (0.1, 0)),
    "staircase": Plant(at_features(masks.stairs), at_features(masks.ramps), (0.5, 1)),
    "batch-norm": Plant(at_features(masks.batch_scaled), at_features(masks.training_scaled), (1, 0.5)),
    "inference-step": Plant(around(masks.surer), around(masks.smoother), (0.1, 0.05)),
    "sign": Plant(at_features(masks.signed), at_features(masks.sloped), (0.5, 0.75)),
    "ensemble": Plant(around(masks.voting), around(masks.averaging), (100, 300)),
}

if __name__ == "__main__":
    name = sys.argv[1]
    net_, (x_train, _), (x, y) = net(name), examples(NETS[name].source, "train", 1000), points(name)

    def accuracy(judged: nn.Module) -> float:
        with torch.no_grad():
            return float((judged(x).argmax(dim=1) == y).float().mean())

    print(f"{name}: {accuracy(net_):.1%} of {len(x)} right")
    for family, plant in PLANTS.items():
        for setting in plant.settings:
            pair = (make(family, net_, x_train, setting) for make in (planted, twin))
            print(f"{family} {setting:g}: {accuracy(next(pair)):.1%}, its twin {accuracy(next(pair)):.1%}", flush=True)
