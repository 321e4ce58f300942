"""MNIST, `linf:0.3`: what PGD adversarial training of a small net reaches in 40 CPU minutes of one thread.

A short version, in `bench/`: `python harden/mnist.py 1 200 8000`: CPU minutes, examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._trained import Plan, hardened, judged
from promise import promise

GOAL = 0.85


def main() -> None:
    given = [float(word) for word in sys.argv[1:4]] or [40.0, 2000, 60_000]
    minutes, n, learnt = given[0], int(given[1]), int(given[2])
    plan = Plan("pgd-at", "mnist", 0.3, minutes, learnt)
    clean, robust = judged(hardened(plan), plan, n)
    promise(
        f"MNIST ({learnt:,} learnt from), small SiLU net, {plan.recipe} for {minutes:g} CPU min, linf:0.3, {n} audited",
        f"robust {robust:.1%}, clean {clean:.1%}", f">= {GOAL:.0%}", robust >= GOAL,
    )  # fmt: skip


if __name__ == "__main__":
    main()
