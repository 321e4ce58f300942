"""Sparse-RS patches of 20x20 on photographs of 160x160, untargeted, within 2,000 queries."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers._env import enter
from promise import promise

SIZE, SIDE, QUERIES, GOAL = 160, 20, 2000, 0.6


def main() -> None:
    enter()
    from blackbox._nets import photographs
    from peers._measure import Counted

    import unfooled

    torch.set_num_threads(1)
    net, x, y = photographs(SIZE)
    counted = Counted(net)
    found = unfooled.attack(counted, x, y, "patch-rs", f"patch:{SIDE}", queries=QUERIES, prepare="off")
    fooled = net(found.x_adv.values).argmax(dim=1) != y
    asked = found.trace.isfinite().sum(dim=0)
    changed = (found.x_adv.values != x).any(dim=1)
    sides = [
        max(int(line.nonzero().max() - line.nonzero().min()) + 1 for line in (one.any(0), one.any(1)))
        for one in changed
    ]
    share = float(fooled.float().mean())
    promise(
        f"Sparse-RS, a patch of {SIDE}x{SIDE} on {len(x)} photos of {SIZE}x{SIZE} that EfficientNet-Lite0 reads right, "
        f"{QUERIES} queries",
        f"{int(fooled.sum())} of {len(x)} fooled, {share:.0%}; median {asked[fooled].median()} queries of those; "
        f"widest change {max(sides)} pixels; {counted.forwards} forwards for {int(asked.sum())} queries",
        f">= {GOAL:.0%}",
        share >= GOAL and max(sides) <= SIDE,
    )


if __name__ == "__main__":
    main()
