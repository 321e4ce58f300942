"""On a linear net the smallest change is known: every attack that looks for the nearest by gradients must reach it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise

import unfooled
from unfooled.core.target import Access
from unfooled.zoo.small import linear

ROWS, SHAPE, MOST = 64, (1, 8, 8), 1e-3
NORM = {"linf": torch.inf, "l2": 2.0, "l1": 1.0}
DUAL = {"linf": 1.0, "l2": 2.0, "l1": torch.inf}


def closed_form(net: nn.Sequential, x: Tensor, y: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    """Find the distance to the nearest other class, (n,), the gap over the dual norm of the slope, and that class."""
    rows, bias = net[1].weight.detach().double(), net[1].bias.detach().double()
    scores = x.double().flatten(1) @ rows.T + bias
    gap = scores.gather(1, y.unsqueeze(1)) - scores
    size = (rows[y].unsqueeze(1) - rows).norm(p=DUAL[norm], dim=2)
    nearest = (gap / size).scatter(1, y.unsqueeze(1), torch.inf).min(dim=1)
    return nearest.values, nearest.indices


def posed(classes: int) -> tuple[nn.Sequential, Tensor, Tensor]:
    """Make a net, examples and labels, far enough from the box's walls that these bar no way.

    Where the gap is far smaller than the scores themselves, float32 decides, and a success must stand clear of that:
    such examples are left out.
    """
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(classes, *SHAPE, generator=draw)
    net = linear(weights, -0.5 * weights.flatten(1).sum(dim=1))
    x = 0.5 + 0.05 * torch.randn(4 * ROWS, *SHAPE, generator=draw)
    with torch.no_grad():
        first, second = net(x).topk(2, dim=1).values.unbind(dim=1)
        clear = (first - second > 0.1 * first.abs()).nonzero().flatten()[:ROWS]
        return net, x[clear], net(x[clear]).argmax(dim=1)


def excess(name: str, norm: str, classes: int) -> float:
    """Tell how far above the closed form an attack stays on its worst example, as a share of it.

    With more than two classes it is told which is nearest: a search that follows the gradient may end at another.
    """
    net, x, y = posed(classes)
    known, nearest = closed_form(net, x, y, norm)
    worst = 0.0
    for aim in nearest.unique().tolist():
        rows = nearest == aim
        threat = norm if classes == 2 else f"become:{aim} {norm}"
        found = unfooled.attack(net, x[rows], y[rows], name, threat)
        far = (found.x_adv.values.double() - x[rows].double()).flatten(1).norm(p=NORM[norm], dim=1)
        worst = max(worst, float(torch.where(found.reached, far / known[rows] - 1, torch.inf).amax()))
    return worst


def main() -> None:
    torch.set_num_threads(1)
    attacks = unfooled.ATTACKS.items()
    names = [name for name, attack in attacks if attack.nearest and attack.needs is Access.GRADIENT]
    for norm in NORM:
        for classes in (2, 5):
            worst = {name: excess(name, norm, classes) for name in names}
            aimed = "" if classes == 2 else ", aimed at the nearest class"
            promise(
                f"Linear net of {classes} classes, {norm}, {ROWS} examples{aimed}: worst excess over the closed form",
                ", ".join(f"{name} {above:.1e}" for name, above in worst.items()),
                f"<= {MOST:g} for every attack that looks for the nearest by gradients",
                bool(worst) and max(worst.values()) <= MOST,
            )


if __name__ == "__main__":
    main()
