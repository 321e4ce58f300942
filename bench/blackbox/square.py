"""Square in Linf beside the official one, which torchattacks' repeats bit for bit, and ART's."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from peers._env import enter
from promise import promise

NETS = {"mnist_at": 0.3, "mnist_l2": 0.15}
POINTS, QUERIES, FEWER = 200, 1000, 0.8
DEARER, ROUNDS, FOR_TIME, FOR_ART = 1.1, 3, 100, 20


class Sizes(nn.Module):
    """A net that notes how many rows each of its passes has."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.rows = net, list[int]()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.rows.append(len(x))
        scores: Tensor = self.net(x)
        return scores


def compared(name: str, net: nn.Module, x: Tensor, y: Tensor, radius: float) -> None:
    """Say what stands against the official Square, and against ours with fewer queries."""
    import torchattacks
    from peers._libraries import by_torchattacks, ours
    from peers._measure import measured

    fewer = int(FEWER * QUERIES)
    official = measured(by_torchattacks(torchattacks.Square, eps=radius, n_queries=QUERIES), net, x, y, "linf")
    mine = measured(ours("square", f"linf:{radius}", queries=fewer), net, x, y, "linf")
    theirs_stand, ours_stand = (len(x) - int(outcome.held.sum()) for outcome in (official, mine))
    promise(
        f"Square on {name} at {radius}, {len(x)} points: robust at {fewer} queries, beside the official at {QUERIES}",
        f"ours {ours_stand}, {mine.forwards:.0f} forwards a point; official {theirs_stand}, {official.forwards:.0f}",
        f"no more robust, at <= {FEWER} times the queries, allowed and asked",
        ours_stand <= theirs_stand and mine.forwards <= FEWER * official.forwards,
    )


def counted(name: str, net: nn.Module, x: Tensor, y: Tensor, radius: float) -> None:
    """Say how many rows the net saw for each query, the look at the door left out."""
    import unfooled

    sizes = Sizes(net)
    found = unfooled.attack(sizes, x, y, "square", f"linf:{radius}", queries=QUERIES, prepare="off")
    assert found.trace is not None
    first = sizes.rows.index(len(x))
    each = sum(sizes.rows[first:]) / int(found.trace.isfinite().sum())
    promise(f"Square on {name}, {len(x)} points: forwards a query", f"{each:.4f}", "1", each == 1)


def overhead(name: str, net: nn.Module, x: Tensor, y: Tensor, queries: int) -> float:
    """Time Square and then bare passes of the same sizes: CPU of the one over the other, median of some rounds."""
    import unfooled

    found = []
    for _ in range(ROUNDS):
        sizes = Sizes(net)
        began = time.process_time()
        unfooled.attack(sizes, x, y, "square", "linf:0.0001", queries=queries, prepare="off")
        ours, began = time.process_time() - began, time.process_time()
        with torch.no_grad():
            for rows in sizes.rows:
                net(x[:rows])
        found.append(ours / (time.process_time() - began))
        print(f"{name}: {found[-1]:.3f} times its bare forwards", file=sys.stderr, flush=True)
    return sorted(found)[ROUNDS // 2]


def beside_art(name: str, net: nn.Module, x: Tensor, y: Tensor, radius: float) -> None:
    """Say how many forwards ART's Square takes for as many queries."""
    import art.attacks.evasion as art
    from peers._libraries import by_art, ours
    from peers._measure import measured

    theirs = measured(by_art(art.SquareAttack, eps=radius, max_iter=QUERIES, nb_restarts=1), net, x, y, "linf")
    mine = measured(ours("square", f"linf:{radius}", queries=QUERIES), net, x, y, "linf")
    promise(
        f"Square on {name} at {radius}, {len(x)} points, {QUERIES} queries: forwards a point beside ART's",
        f"ours {mine.forwards:.0f}, {mine.held.sum()} fooled; ART {theirs.forwards:.0f}, {theirs.held.sum()} fooled",
        "fewer",
        mine.forwards < theirs.forwards,
    )


def main() -> None:
    enter()
    from peers._measure import right

    torch.set_num_threads(1)
    found = models(*NETS, "resnet8")
    for name, radius in NETS.items():
        net = found[name].requires_grad_(False)
        x, y = right(net, *data(1024), POINTS)
        compared(name, net, x, y, radius)
    counted(name, net, x, y, radius)
    beside_art(name, net, x[:FOR_ART], y[:FOR_ART], radius)
    small = overhead(name, net, x[:FOR_TIME], y[:FOR_TIME], 200)
    net = found["resnet8"].requires_grad_(False)
    x = torch.rand(FOR_TIME, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    large = overhead("resnet8", net, x, net(x).argmax(dim=1), 50)
    promise(
        f"Square's CPU beside bare forwards of the same sizes, resnet8, {FOR_TIME} points, median of {ROUNDS}",
        f"{large:.2f} times; {small:.1f} times on {name}, whose pass takes 0.01 ms a picture",
        f"<= {DEARER} times",
        large <= DEARER,
    )


if __name__ == "__main__":
    main()
