"""The nets on which the engine is measured: fifteen, of four architectures, on three sets of pictures.

Each is trained once, on one thread, and kept in `bench/data/models/`. From a script elsewhere in `bench/`:
`from engine._nets import NETS, net, points`. To train what is missing, in `bench/`: `python -m engine._nets`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from distances._models import Perturb, blame, data, fit, gradient, in_l2, in_linf, kept, models
from engine._signs import CLASSES, signs
from torch import Tensor, nn
from torch.nn import functional

from unfooled.zoo.small import resnet8, small_cnn


class Recipe(NamedTuple):
    """How a net is trained.

    Attributes:
        make: Gives the untrained net.
        n: How many training pictures it sees, and `epochs` how often.
        perturb: What it is trained against; None if against nothing.
        loss: Of the net, clean and perturbed pictures and labels.
    """

    make: Callable[[], nn.Module]
    n: int
    epochs: int
    perturb: Perturb | None = None
    loss: Callable[..., Tensor] = blame


class Net(NamedTuple):
    """A net: the set of pictures it reads, the norm and radius at which it is measured, and how it is trained.

    Attributes:
        recipe: None if it is one of the other benches' nets.
    """

    source: str
    norm: str
    radius: float
    recipe: Recipe | None = None


def net(name: str) -> nn.Module:
    """Give a net in evaluation mode, trained first if it is not there."""
    source, recipe = NETS[name].source, NETS[name].recipe
    if recipe is None:
        return models(name)[name]

    def train(net: nn.Module) -> None:
        fit(net, *examples(source, "train", recipe.n), recipe.epochs, recipe.perturb, loss=recipe.loss)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        start = recipe.make()
    return kept(name, start, train)


def points(name: str, n: int = 1000) -> tuple[Tensor, Tensor]:
    """Give the first n test pictures of a net (n, c, h, w) in [0, 1] and their labels (n,)."""
    return examples(NETS[name].source, "t10k", n)


def examples(source: str, part: str, n: int) -> tuple[Tensor, Tensor]:
    """Read or draw the first n examples of a part of a set of pictures."""
    return signs(n, part) if source == "signs" else data(n, source, part)


def mlp() -> nn.Module:
    """Make a perceptron with two hidden layers of 256 units."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def conv_norm(channels: int = 1, classes: int = 10) -> nn.Module:
    """Make three convolutions, two of them with batch norm, and a linear layer, for sides of 25 to 32 pixels."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, classes),
    )


def signs_conv() -> nn.Module:
    """Make the same for the signs."""
    return conv_norm(3, CLASSES)


def signs_resnet() -> nn.Module:
    """Make a ResNet-8 for the signs."""
    return nn.Sequential(*list(resnet8(0).children())[:-1], nn.Linear(64, CLASSES))


def short(radius: float, steps: int) -> Perturb:
    """PGD from the picture itself, its steps just long enough to reach the corner; FGSM if there is one.

    Trained so, at full size from the start, a net learns to hide its gradients near the pictures.
    """

    def perturb(net: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        low, high = (x - radius).clamp(min=0), (x + radius).clamp(max=1)
        x_t = x
        for _ in range(steps):
            x_t = torch.clamp(x_t + radius / steps * gradient(net, x_t, y).sign(), low, high)
        return x_t

    return perturb


def one_step(radius: float) -> Perturb:
    """FGSM that grows to its radius."""
    return lambda net, x, y, share: short(share * radius, 1)(net, x, y, share)


def away(radius: float, steps: int = 5) -> Perturb:
    """PGD away from the net's own answer, as in TRADES: by the cross-entropy with its own scores for a label."""
    search = in_linf(radius, steps)

    def perturb(net: nn.Module, x: Tensor, y: Tensor, share: float) -> Tensor:
        with torch.no_grad():
            own = net(x).softmax(dim=1)
        return search(net, x, own, share)

    return perturb


def trades(net: nn.Module, x: Tensor, x_t: Tensor, y: Tensor) -> Tensor:
    """Give the loss of TRADES, () (Zhang et al., ICML 2019, equation 5; 1/lambda is 6)."""
    here, there = net(torch.cat([x, x_t])).chunk(2)
    gap = functional.kl_div(there.log_softmax(dim=1), here.softmax(dim=1), reduction="batchmean")
    return functional.cross_entropy(here, y) + 6 * gap


NETS: dict[str, Net] = {
    "mnist_clean": Net("mnist", "linf", 0.1),
    "mnist_at": Net("mnist", "linf", 0.3),
    "mnist_l2": Net("mnist", "l2", 2.0),
    "fashion_clean": Net("fashion-mnist", "linf", 0.03),
    "fm_fgsm": Net("fashion-mnist", "linf", 0.15, Recipe(small_cnn, 20_000, 4, one_step(0.15))),
    "mnist_fgsm": Net("mnist", "linf", 0.1, Recipe(small_cnn, 60_000, 5, one_step(0.3))),
    "mnist_masked": Net("mnist", "linf", 0.3, Recipe(small_cnn, 30_000, 5, short(0.3, 5))),
    "fm_masked": Net("fashion-mnist", "linf", 0.15, Recipe(small_cnn, 30_000, 5, short(0.15, 3))),
    "fm_trades": Net("fashion-mnist", "linf", 0.1, Recipe(conv_norm, 20_000, 4, away(0.1), trades)),
    "signs_at": Net("signs", "linf", 8 / 255, Recipe(signs_conv, 20_000, 10, in_linf(8 / 255))),
    "fm_at": Net("fashion-mnist", "linf", 0.1, Recipe(small_cnn, 30_000, 6, in_linf(0.1, 10))),
    "mlp_at": Net("mnist", "linf", 0.2, Recipe(mlp, 60_000, 8, in_linf(0.2))),
    "fm_l2": Net("fashion-mnist", "l2", 1.0, Recipe(small_cnn, 30_000, 6, in_l2(1.0))),
    "signs_clean": Net("signs", "linf", 2 / 255, Recipe(signs_resnet, 10_000, 5)),
    "signs_resnet_at": Net("signs", "linf", 8 / 255, Recipe(signs_resnet, 10_000, 6, in_linf(8 / 255, 3))),
}
"""All nets; the masked anchor is mnist_masked."""

if __name__ == "__main__":
    for name in NETS:
        judged, (x, y) = net(name), points(name, 2000)
        with torch.no_grad():
            right = (judged(x).argmax(dim=1) == y).float().mean()
        print(f"{name}: {right:.2%} of {len(x)} right", flush=True)
