"""One pixel: the gradient's shortlist beside all colour corners, and beside torchattacks' evolution at its CPU time."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from peers._env import enter
from promise import promise

if TYPE_CHECKING:
    from unfooled.core.attack import Found

DIGITS, AMONG, CHEAPER, SAME = 200, 4096, 50, 0.95
TWICE = 2**-16  # losses that far apart are the same: float32 adds up otherwise in passes of other sizes


def ran(net: nn.Module, x: Tensor, y: Tensor, attack: str, threat: str, **settings: object) -> tuple[Found, int, float]:
    """Run one of ours: what it found, the rows that the net saw with each backward as one more, and CPU seconds."""
    from peers._measure import Counted

    import unfooled

    counted, began = Counted(net), time.process_time()
    found = unfooled.attack(counted, x, y, attack, threat, prepare="off", **settings)
    return found, counted.forwards + counted.backwards, time.process_time() - began


def fooled(net: nn.Module, x: Tensor, x_adv: Tensor, y: Tensor, pixels: int) -> int:
    """Count the pictures that fool the net and change no more pixels than they may."""
    with torch.no_grad():
        wrong = net(x_adv).argmax(dim=1) != y
    few = (x_adv != x).any(dim=1).flatten(1).sum(dim=1) <= pixels
    return int((wrong & few).sum())


def least_sure(net: nn.Module, x: Tensor, y: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Pick the pictures (n, ...) whose two likeliest classes are closest: of the others hardly one falls."""
    with torch.no_grad():
        best = net(x).topk(2, dim=1).values
    rows = (best[:, 0] - best[:, 1]).argsort()[:n]
    return x[rows], y[rows]


def exact(name: str, net: nn.Module, x: Tensor, y: Tensor, shortlist: int, *, noisy: int) -> None:
    """Say how often the shortlist finds what all corners are asked for, and at which cost."""
    every, dear, _ = ran(net, x, y, "pixel-corners", "l0:1")
    listed, cheap, _ = ran(net, x, y, "pixel-gradient", "l0:1", shortlist=shortlist, noisy=noisy)
    verdicts = every.reached == listed.reached
    near = (every.loss - listed.loss).abs() <= TWICE * every.loss.abs().clamp(min=1)
    best = verdicts & (every.reached | near)
    promise(
        f"One pixel on {name}, {len(x)} pictures: {1 + noisy} gradients and {shortlist} corners beside all corners",
        f"the same answer on {verdicts.float().mean():.1%}, the same best corner on {best.float().mean():.1%}; "
        f"{int(listed.reached.sum())} and {int(every.reached.sum())} fall; cost 1/{dear / cheap:.0f}",
        f">= {SAME:.0%} the same answer at <= 1/{CHEAPER}",
        float(verdicts.float().mean()) >= SAME and CHEAPER * cheap <= dear,
    )


def duel(name: str, net: nn.Module, x: Tensor, y: Tensor, pixels: int) -> None:
    """Run torchattacks' OnePixel, and ours with shortlists that double as long as it took less time."""
    import torchattacks
    from peers._libraries import by_torchattacks
    from peers._measure import timed

    seconds, x_adv = timed(by_torchattacks(torchattacks.OnePixel, pixels=pixels), net, x, y)
    theirs, shortlist, spent, won = fooled(net, x, x_adv, y, pixels), 8, 0.0, 0
    while shortlist <= 512:
        found, _, took = ran(net, x, y, "pixel-gradient", f"l0:{pixels}", shortlist=shortlist, queries=10_000)
        if spent and took > seconds * len(x):
            break
        spent, won = took, fooled(net, x, found.x_adv.values, y, pixels)
        shortlist *= 2
    promise(
        f"{pixels} pixels on {name}, {len(x)} pictures: fooled, beside torchattacks' OnePixel at equal CPU time",
        f"ours {won} in {spent:.1f} CPU s; torchattacks {theirs} in {seconds * len(x):.1f}",
        "more in no more time",
        won > theirs and spent <= seconds * len(x),
    )


def main() -> None:
    enter()
    from blackbox._nets import cifar
    from peers._measure import right

    torch.set_num_threads(1)
    net = models("mnist_clean")["mnist_clean"].requires_grad_(False)
    x, y = least_sure(net, *right(net, *data(AMONG), AMONG), DIGITS)
    exact("mnist_clean", net, x, y, 10, noisy=0)
    for pixels in (1, 5):
        duel("mnist_clean", net, x, y, pixels)
    net, x, y = cifar()
    exact("the CIFAR-10 net", net, x, y, 96, noisy=4)
    for pixels in (1, 3):
        duel("the CIFAR-10 net", net, x, y, pixels)


if __name__ == "__main__":
    main()
