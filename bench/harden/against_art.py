"""Fashion-MNIST, a small SiLU network, linf:0.1: how long ART's trainer takes to what our fast recipe reaches.

ART's `AdversarialTrainerMadryPGD` gets twice our CPU time, in the same process, on the same pictures, with the same net
and batch, and the steps that its documentation gives for a ball (7, of a quarter of the radius). Ours is
audited as it is left after its time; ART's after every epoch of its own, and the best epoch counts for it. An epoch
after which ten steps of PGD already break more than the audit of ours did is not audited: it cannot have reached it.
A short version, in `bench/`: `python harden/against_art.py 0.2 100 8000 1`: minutes of our recipe, examples audited,
examples learnt from, seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import data
from harden._trained import Plan, hardened, judged, pupils, silu_net
from peers._env import enter
from promise import promise

import unfooled

FAST, STEPS, LONGER = "pgd-3", 7, 2
BATCH, RATE = 128, 1e-3


def theirs(plan: Plan) -> Iterator[tuple[float, nn.Module]]:
    """Train by ART until its time is over: CPU seconds so far and the net, after each epoch."""
    from art.defences.trainer import AdversarialTrainerMadryPGD
    from art.estimators.classification import PyTorchClassifier

    learnt, _ = pupils(plan)
    x, y = learnt.x.values.numpy(), learnt.y.numpy()
    net, spent = silu_net(plan.seed), 0.0
    torch.manual_seed(plan.seed)
    classifier = PyTorchClassifier(
        net, nn.CrossEntropyLoss(), x.shape[1:], 10, torch.optim.Adam(net.parameters(), RATE), clip_values=(0, 1)
    )
    trainer = AdversarialTrainerMadryPGD(
        classifier, nb_epochs=1, batch_size=BATCH, eps=plan.radius, eps_step=plan.radius / 4, max_iter=STEPS
    )
    while spent < 60 * LONGER * plan.minutes:
        began = process_time()
        trainer.fit(x, y)
        spent += process_time() - began
        yield spent, net.eval()


def robust(net: nn.Module, plan: Plan, n: int, wanted: float) -> float:
    """Audit a net, if ten steps of PGD leave enough standing; their figure stands in where they do not."""
    x, y = data(n, plan.source)
    with torch.no_grad():
        right = net(x).argmax(dim=1) == y
    stands = float((right & ~unfooled.attack(net, x, y, "pgd", f"linf:{plan.radius}", steps=10).reached).float().mean())
    return judged(net, plan, n)[1] if stands >= wanted else stands


def main() -> None:
    enter()
    given = [float(word) for word in sys.argv[1:5]] or [5.0, 1000, 60_000, 3]
    minutes, n, learnt, seeds = given[0], int(given[1]), int(given[2]), int(given[3])
    for seed in range(seeds):
        plan = Plan(FAST, "fashion-mnist", 0.1, minutes, learnt, seed)
        _, mine = judged(hardened(plan), plan, n)
        peer = plan._replace(recipe="ART")
        course = [(spent, robust(net, peer, n, mine)) for spent, net in theirs(peer)]
        reached = next((spent for spent, stands in course if stands >= mine), None)
        took = "not reached" if reached is None else f"reached after {reached / 60:.1f} min"
        promise(
            f"Fashion-MNIST, SiLU, linf:0.1, {n} audited, seed {seed}: {FAST} in {minutes:g} CPU min; ART's trainer to "
            "the same robust accuracy",
            f"{mine:.1%}; ART {took} ({', '.join(f'{stands:.1%} at {spent / 60:.1f}' for spent, stands in course)})",
            f"at least {LONGER} times as long", reached is None or reached >= 60 * LONGER * minutes,
        )  # fmt: skip


if __name__ == "__main__":
    main()
