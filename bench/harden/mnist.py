"""MNIST, `linf:0.3`: what PGD adversarial training of a small net reaches in 30 CPU minutes of one thread.

A short version, in `bench/`: `python harden/mnist.py 1 200 8000`: CPU minutes, examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._trained import Plan, hardened, judged
from promise import promise

from unfooled.defences.card import Card
from unfooled.defences.training.objectives import Adversarial
from unfooled.defences.training.recipes import Training
from unfooled.defences.training.searches import Climb
from unfooled.zoo.small import small_cnn

GOAL = 0.85
LARGE = Training(Card("training", "A", "Madry et al., ICLR 2018"), Climb(steps=5, step=0.4), Adversarial())
"""Ten steps of the usual size, on SiLU, made a net that stood against PGD-10 (91%) and fell to `standard` (58%)."""


def main() -> None:
    given = [float(word) for word in sys.argv[1:4]] or [30.0, 2000, 60_000]
    minutes, n, learnt = given[0], int(given[1]), int(given[2])
    plan = Plan("pgd-at-5-large", "mnist", 0.3, minutes, learnt)
    clean, robust = judged(hardened(plan, LARGE, small_cnn), plan, n)
    promise(
        f"MNIST ({learnt:,} learnt from), small net, PGD training with 5 steps of 0.4 radii for {minutes:g} CPU min, "
        f"linf:0.3, {n} audited",
        f"robust {robust:.1%}, clean {clean:.1%}", f">= {GOAL:.0%}", robust >= GOAL,
    )  # fmt: skip


if __name__ == "__main__":
    main()
