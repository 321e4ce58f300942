"""What it spares that decided examples leave: PGD-40 at eps 0.3, step 0.01, on an undefended net."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from promise import promise

import unfooled
from unfooled.core.threat import FIRM

STEPS, ROWS, RADIUS, STEP = 40, 512, 0.3, 0.01


class Watching(nn.Module):
    """A net that sees whose picture each row is near, counts the passes, and notes any that come after a fall.

    Args:
        net: The net.
        x: Clean pictures, (n, ...), farther apart than two radii, so that a row has one owner.
        y: Their labels, (n,).
    """

    def __init__(self, net: nn.Module, x: Tensor, y: Tensor) -> None:
        super().__init__()
        self.net, self.x, self.y = net, x.flatten(1), y
        self.fallen = torch.zeros(len(x), dtype=torch.bool)
        self.passes = self.late = 0
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        owner = torch.cat([(self.x - row).abs().amax(dim=1).argmin().view(1) for row in x.detach().flatten(1)])
        scores: Tensor = self.net(x)
        self.passes += len(x)
        self.late += int(self.fallen[owner].sum())
        self.fallen[owner] |= firmly(scores.detach(), self.y[owner])
        if scores.requires_grad:
            scores.register_hook(self._backward)
        return scores

    def _backward(self, grad: Tensor) -> None:
        self.passes += len(grad)


def firmly(scores: Tensor, y: Tensor) -> Tensor:
    """Tell which rows another class wins by more than float32 may err, (r,) bool."""
    own = scores.gather(1, y.unsqueeze(1)).squeeze(1)
    best = scores.scatter(1, y.unsqueeze(1), -torch.inf).amax(dim=1)
    return best - own >= FIRM * scores.topk(2, dim=1).values.abs().amax(dim=1)


def undropped(net: nn.Module, x: Tensor, y: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Take every step with everybody: which fell at some step, and which are fallen at the end, (n,) bool."""
    x_t, low, high = start, (x - RADIUS).clamp(min=0), (x + RADIUS).clamp(max=1)
    fell = torch.zeros(len(x), dtype=torch.bool)
    for _ in range(STEPS):
        x_t = x_t.detach().requires_grad_()
        scores = net(x_t)
        fell |= firmly(scores.detach(), y)
        (grad,) = torch.autograd.grad(functional.cross_entropy(scores, y, reduction="sum"), x_t)
        x_t = torch.clamp(x_t + STEP * grad.sign(), low, high)
    with torch.no_grad():
        last = firmly(net(x_t), y)
    return fell | last, last


def apart(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Leave out pictures (a few ones) that lie nearer than two radii to another, so that every row has one owner."""
    far = torch.stack([(x - row).abs().flatten(1).amax(dim=1) for row in x]) > 2 * RADIUS
    alone = far.sum(dim=1) == len(x) - 1
    return x[alone], y[alone]


def main() -> None:
    torch.set_num_threads(1)
    for name, most in (("mnist_clean", 0.25), ("mnist_at", 1.0)):
        net, (x, y) = models(name)[name], apart(*data(ROWS))
        noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        start = (x + RADIUS * noise).clamp(0, 1)
        watching = Watching(net, x, y)
        found = unfooled.attack(
            watching, x, y, "pgd", f"linf:{RADIUS}", start=start, prepare="off",
            steps=STEPS, step=STEP / RADIUS, random_start=False,
        )  # fmt: skip
        fell, last = undropped(net, x, y, start)
        share = watching.passes / (len(x) * (2 * STEPS + 1))
        same = int((found.reached == fell).sum())
        promise(
            f"PGD-{STEPS} from a random point, {name}, {len(x)} examples: passes of the run in which nobody leaves",
            f"{share:.1%}; the same verdict on {same} of {len(x)}; {int((last & ~found.reached).sum())} missed that "
            f"are fallen at its end; {watching.late} passes on decided examples",
            f"<= {most:.0%}, the same on all, 0, 0",
            share <= most and same == len(x) and not bool((last & ~found.reached).any()) and watching.late == 0,
        )  # fmt: skip


if __name__ == "__main__":
    main()
