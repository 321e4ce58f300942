"""RayS on defences that hide gradients: it breaks what PGD does not, by labels alone.

The defences are those of `bench/engine/planted.py`, planted in a net that PGD brings down without them. PGD has 40
steps and one start; RayS up to 2,000 questions an example (10,000 in the paper), none after its first success inside
the radius. A defence misleads PGD if that leaves at least a fifth of the points more than without it. To see some
alone, in `bench/`: `python blackbox/rays.py quantisation jpeg`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine._nets import NETS, examples, net, points
from engine._planted import PLANTS, planted
from promise import promise

import unfooled

NET, THREAT = "mnist_clean", "linf:0.2"
STEADY = tuple(name for name in PLANTS if name not in ("resize", "dropout", "batch-norm"))
"""Families that answer the same question alike: RayS needs that, and so does an attacker who may ask once."""
POINTS, QUERIES, STEPS, MISLED = 12, 2000, 40, 0.2


def robust(model: nn.Module, x: Tensor, y: Tensor, attack: str, **settings: int) -> tuple[float, float]:
    """Give the robust accuracy that an attack leaves, and the questions that it asked about each example."""
    chosen = unfooled.attack_named(attack, **settings)
    results = unfooled.audit(model, (x, y), THREAT, [chosen], batch=POINTS, keep="none", diagnose=False, prepare="off")
    (name,) = results.threats
    return results[name].robust_accuracy, float(results[name].queries.mean())


def main() -> None:
    torch.set_num_threads(1)
    families = sys.argv[1:] or STEADY
    base, x_train, (x, y) = net(NET), examples(NETS[NET].source, "train", 1000)[0], points(NET, POINTS)
    undefended, _ = robust(base, x, y, "pgd", steps=STEPS)
    told, misled, lower = [], [], []
    for family in families:
        began, model = time.perf_counter(), planted(family, base, x_train)
        climbed, _ = robust(model, x, y, "pgd", steps=STEPS)
        turned, asked = robust(model, x, y, "rays", queries=QUERIES)
        told.append(f"{family} {climbed:.0%} and {turned:.0%}")
        misled += [family] * (climbed >= undefended + MISLED)
        lower += [family] * (turned < climbed)
        seconds = time.perf_counter() - began
        print(f"{told[-1]}, {asked:,.0f} questions an example, {seconds:.0f} s", file=sys.stderr, flush=True)
    promise(
        f"{len(misled)} of {len(families)} defences planted in {NET} mislead PGD-{STEPS}, {THREAT}, {POINTS} points: "
        f"robust accuracy by PGD ({undefended:.0%} with no defence) and by RayS",
        "; ".join(told),
        f"lower by RayS on each that misleads PGD, within {QUERIES:,} questions, by no gradient",
        bool(misled) and set(misled) <= set(lower),
    )


if __name__ == "__main__":
    main()
