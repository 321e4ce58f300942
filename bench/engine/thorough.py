"""The suite `thorough` on nets that mask: how much it finds of what AutoAttack leaves and ten long runs break."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine._nets import net, points
from engine.strength import ROWS, references
from promise import promise

import unfooled
from unfooled.attacks import attack_named
from unfooled.attacks.block_pgd import BlockPGD
from unfooled.core.attack import Attack
from unfooled.core.threat import Ball

MASKED = {("mnist_masked", 0.27), ("fm_masked", 0.15)}
RUNS, MOST = 10, 200


def long_run(seed: int) -> list[Attack[Ball]]:
    """One long run, each with starts, losses and sides of its own: some 6,000 passes for who never falls."""
    loss = ("cross-entropy", "margin")[seed % 2]
    return [
        BlockPGD(side=(0.5, 0.25, 1, 1 / 7, 0.001)[seed % 5], steps=200, loss=loss, smooth=0.25, draw=5000 + seed),
        attack_named("pgd", steps=300, step=0.02 + 0.01 * (seed % 3), loss=loss),
        attack_named("apgd-t", targets=9, steps=100),
        attack_named("square-pgd", queries=3000),
    ]


def standing(
    name: str, threat: str, data: tuple[torch.Tensor, torch.Tensor], suite: str | Sequence[Attack[Ball]], *, seed: int
) -> np.ndarray:
    """Run a suite; returns who stands, (n,) bool."""
    results = unfooled.audit(net(name), data, threat, suite, seed=seed, batch=ROWS, keep="none", diagnose=False)
    return ~results[next(iter(results.threats))].broken


def main() -> None:
    torch.set_num_threads(1)
    for found in references():
        if (found["net"], found["radius"]) not in MASKED:
            continue
        name, threat = found["net"], f"{found['norm']}:{found['radius']!r}"
        left = np.flatnonzero([digit == "1" for digit in found["robust"]])[:MOST]
        x, y = (part[left] for part in points(name, len(found["robust"])))
        union = np.ones(len(left), dtype=bool)
        for seed in range(RUNS):
            union &= standing(name, threat, (x, y), long_run(seed), seed=1000 + seed)
        ours = ~standing(name, threat, (x, y), "thorough", seed=0)
        most, both = int((~union).sum()), int((ours & ~union).sum())
        promise(
            f"{name} {threat}: of {len(left)} points that AutoAttack leaves, those that {RUNS} long mixed runs break",
            f"`thorough` breaks {both} of {most}, and {int((ours & union).sum())} more", ">= half",
            2 * both >= most,
        )  # fmt: skip


if __name__ == "__main__":
    main()
