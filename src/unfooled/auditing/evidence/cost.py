"""What a diagnosis costs at most, before it is paid."""

from __future__ import annotations

from typing import NamedTuple

from unfooled.attacks import ATTACKS
from unfooled.core.attack import Bill

from . import gradients, repeats, strength
from .blind import BlockNoise, Differences

SAMPLE = 64
"""Most examples that a probe asks about."""


class Share(NamedTuple):
    """What one probe asks: about how many examples at most, and how many rows about each."""

    examples: int
    bill: Bill


def shares(n: int, classes: int) -> list[Share]:
    """List what each probe asks at most of n examples that are all read rightly, the fallen and the others alike.

    Args:
        n: Examples of the audit.
        classes: Classes of the model.
    """
    survivors = (strength.LONG, BlockNoise(), Differences())
    square = ATTACKS["square"].bill(classes)
    asked = [
        Share(SAMPLE, Bill(0, 4, 4)),  # usable: two losses at two points
        Share(gradients.EXAMPLES, Bill(0, 1 + gradients.DIRECTIONS * len(gradients.SCALES), 1)),
        Share(repeats.EXAMPLES, Bill(0, repeats.RUNS + 1 + 2, 2)),  # answers, and two gradients
        Share(repeats.FEW, Bill(0, 2, 0)),
        Share(strength.FALLEN, strength.SMALL.bill(classes)),
        *(Share(strength.SURVIVORS, attack.bill(classes)) for attack in survivors),
        Share(strength.SURVIVORS, Bill(min(strength.QUERIES, square.queries), 0, 0)),
        Share(strength.FREE, strength.FAR.bill(classes)),
        Share(SAMPLE, Bill(0, 1, 0)),  # drift
    ]
    return [share._replace(examples=min(n, share.examples)) for share in asked]
