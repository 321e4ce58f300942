"""A security curve over 8 radii by one run of an attack that looks for the nearest success, against 8 runs of PGD."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data, models
from peers._env import enter
from promise import promise

import unfooled

ROWS = 512
RADII = {
    "mnist_clean": (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16),
    "mnist_at": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4),
}
"""Eight radii over which each net's robust accuracy falls from nearly all to nearly none."""

MOST = {"mnist_clean": 0.5, "mnist_at": 0.75}
ATTACK, ALLOWED = "apgd-nearest", 0.005  # half a point


def by_audit(net: nn.Module, x: Tensor, y: Tensor, radii: tuple[float, ...]) -> tuple[float, list[float]]:
    """Read the curve off one audit: passes an example, and robust accuracy at each radius."""
    from peers._measure import Counted

    counted = Counted(net)
    threats = [f"linf:{radius}" for radius in radii]
    results = unfooled.audit(counted, (x, y), threats, [ATTACK], batch=64, prepare="off", keep="none", diagnose=False)
    passes = (counted.forwards + counted.backwards) / len(x)
    return passes, [results[threat].robust_accuracy for threat in threats]


def by_pgd(net: nn.Module, x: Tensor, y: Tensor, radii: tuple[float, ...]) -> tuple[float, float, list[float]]:
    """Run PGD-40 afresh at each radius: passes an example of foolbox and of ours, and the lower accuracy of both."""
    import foolbox
    from peers._libraries import by_foolbox, ours
    from peers._measure import measured

    accuracies, theirs, mine = [], 0.0, 0.0
    for radius in radii:
        peer = measured(by_foolbox(foolbox.attacks.LinfPGD(), radius), net, x, y, "linf")
        own = measured(ours("pgd", f"linf:{radius}"), net, x, y, "linf")
        found = [float((run.distance > radius + 1e-6).double().mean()) for run in (peer, own)]
        accuracies.append(min(found))
        theirs += peer.forwards + peer.backwards
        mine += own.forwards + own.backwards
    return theirs, mine, accuracies


def main() -> None:
    enter()
    torch.set_num_threads(1)
    x, y = data(ROWS)
    for name, net in models(*RADII).items():
        radii = RADII[name]
        passes, curve = by_audit(net, x, y, radii)
        theirs, mine, fresh = by_pgd(net, x, y, radii)
        share, worst = passes / theirs, max(ours - one for ours, one in zip(curve, fresh, strict=True))
        falling = all(later <= earlier for earlier, later in pairwise(curve))
        promise(
            f"Curve over 8 Linf radii, {name}, {ROWS} examples: passes of 8 PGD-40 runs by foolbox",
            f"{share:.2f} ({passes:.0f} of {theirs:.0f} an example; {passes / mine:.2f} of 8 of ours, which drop)",
            f"<= {MOST[name]}", share <= MOST[name],
        )  # fmt: skip
        promise(
            f"Curve over 8 Linf radii, {name}: robust accuracy above the better of two fresh runs, at worst",
            f"{100 * worst:+.1f} points; " + ", ".join(
                f"{radius:g}: {ours:.1%} to {one:.1%}" for radius, ours, one in zip(radii, curve, fresh, strict=True)
            ),
            "<= +0.5, and falling", worst <= ALLOWED and falling,
        )  # fmt: skip


if __name__ == "__main__":
    main()
