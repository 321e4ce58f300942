"""What an attack of any library costs and what its successes are worth, by our own count and our own look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

Run = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""A net, pictures (n, ...) and labels (n,) -> adversarial pictures (n, ...)."""

BOX = 1e-6  # how far float32 may carry a value out of [0, 1]


class Counted(nn.Module):
    """A net that counts the rows of its passes, forwards and backwards."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.forwards, self.backwards = net, 0, 0
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        scores: Tensor = self.net(x)
        if scores.requires_grad:
            scores.register_hook(self._backward)
        return scores

    def _backward(self, grad: Tensor) -> None:
        self.backwards += len(grad)


@dataclass(frozen=True)
class Outcome:
    """What one run of an attack cost and found.

    Attributes:
        seconds: CPU seconds an example.
        forwards: Rows asked for an example, and `backwards` likewise.
        fooled: Which examples the proposals fool in one batch, (n,) bool.
        distance: How far the proposals are that fool in one batch and alone, (n,); infinite elsewhere.
        litter: Whether gradients are left in the net's weights.
    """

    seconds: float
    forwards: float
    backwards: float
    fooled: Tensor
    distance: Tensor
    litter: bool

    @property
    def held(self) -> Tensor:
        """Which proposals fool in one batch and alone, (n,) bool."""
        return self.distance.isfinite()

    @property
    def median(self) -> float:
        """Median distance over all examples, infinite if fewer than half are fooled."""
        return float(self.distance.quantile(0.5, interpolation="higher"))


def measured(run: Run, net: nn.Module, x: Tensor, y: Tensor, norm: str) -> Outcome:
    """Run an attack once, counting, and look at what it proposes with the plain net."""
    counted = Counted(net)
    net.zero_grad(set_to_none=True)
    seconds, x_adv = timed(run, counted, x, y)
    litter = any(weights.grad is not None for weights in net.parameters())
    fooled, distance = looked_at(net, x, y, x_adv, norm)
    return Outcome(seconds, counted.forwards / len(x), counted.backwards / len(x), fooled, distance, litter)


def timed(run: Run, net: nn.Module, x: Tensor, y: Tensor) -> tuple[float, Tensor]:
    """Run an attack once: CPU seconds an example, and what it proposes."""
    torch.manual_seed(0)
    np.random.seed(0)  # the peers draw from it
    began = time.process_time()
    x_adv = run(net, x.clone(), y.clone())
    return (time.process_time() - began) / len(x), x_adv.detach()


def looked_at(net: nn.Module, x: Tensor, y: Tensor, x_adv: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    """Ask the net again, in one batch and one by one: which are fooled (n,), and how far those are that hold (n,)."""
    inside = ((x_adv >= -BOX) & (x_adv <= 1 + BOX)).flatten(1).all(dim=1)
    with torch.no_grad():
        fooled = inside & (net(x_adv).argmax(dim=1) != y)
        alone = torch.cat([net(row.unsqueeze(0)).argmax(dim=1) for row in x_adv]) != y
    change = (x_adv.double() - x.double()).flatten(1)
    far = change.norm(p={"linf": torch.inf, "l2": 2, "l1": 1, "l0": 0}[norm], dim=1)
    return fooled, torch.where(fooled & alone, far, torch.inf)


def rounds(runs: Mapping[str, Run], net: nn.Module, x: Tensor, y: Tensor, number: int) -> dict[str, list[float]]:
    """Time all on the plain net in rotated rounds, on one thread: CPU seconds an example, one a round."""
    torch.set_num_threads(1)
    names, found = list(runs), {name: list[float]() for name in runs}
    for first in range(number):
        start = first * len(names) // number
        for name in names[start:] + names[:start]:
            found[name].append(timed(runs[name], net, x, y)[0])
    return found


def right(net: nn.Module, x: Tensor, y: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Pick the first n examples that the net reads right."""
    with torch.no_grad():
        rows = (net(x).argmax(dim=1) == y).nonzero().flatten()[:n]
    return x[rows], y[rows]
