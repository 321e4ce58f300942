"""MNIST, `linf:0.3`: what PGD adversarial training of a small net reaches in 40 CPU minutes of one thread.

A short version, in `bench/`: `python harden/mnist.py 1 1 200 8000`: CPU minutes of the larger steps and of the usual
ones, examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._trained import Plan, hardened, judged, pupils
from promise import promise

from unfooled.core.seeds import Draws
from unfooled.defences.card import Card
from unfooled.defences.training.objectives import Adversarial
from unfooled.defences.training.recipes import Training
from unfooled.defences.training.searches import Climb
from unfooled.defences.training.validation import held_accuracy
from unfooled.sets.linf import Linf
from unfooled.zoo.small import small_cnn

GOAL = 0.85
LARGE = Training(Card("training", "A", "Madry et al., ICLR 2018"), Climb(steps=5, step=0.4), Adversarial())
USUAL = "pgd-at"
"""Ten steps of the usual size, on SiLU: a net so trained stands against PGD-10 and falls to `standard`."""


def main() -> None:
    given = [float(word) for word in sys.argv[1:5]] or [13.0, 40.0, 2000, 60_000]
    minutes, longer, n, learnt = given[0], given[1], int(given[2]), int(given[3])
    large = Plan("pgd-at-5-large", "mnist", 0.3, minutes, learnt)
    clean, robust = judged(hardened(large, LARGE, small_cnn), large, n)
    told = f"linf:0.3, {n} audited"
    promise(
        f"MNIST ({learnt:,} learnt from), small net, PGD training with 5 steps of 0.4 radii for {minutes:g} CPU "
        f"min, {told}",
        f"robust {robust:.1%}, clean {clean:.1%}", f">= {GOAL:.0%}", robust >= GOAL,
    )  # fmt: skip
    usual = Plan(USUAL, "mnist", 0.3, longer, learnt)
    net = hardened(usual)
    _, robust = judged(net, usual, n)
    climbed = held_accuracy(net, pupils(usual)[1], Linf(0.3), Draws.of(0, "mnist"), 10).robust
    promise(
        f"MNIST, the same net with SiLU, {USUAL} as it comes for {longer:g} CPU min, {told}",
        f"robust {robust:.1%}; {climbed:.1%} stand against PGD-10 among those that chose the checkpoint",
        "its figure stands beside", True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
