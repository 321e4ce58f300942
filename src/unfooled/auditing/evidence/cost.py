"""What a diagnosis costs at most, before it is paid."""

from __future__ import annotations

from typing import NamedTuple

from unfooled.attacks import ATTACKS
from unfooled.auditing.plan import Plan
from unfooled.auditing.suites import meant_for, obstacle
from unfooled.core.attack import Bill
from unfooled.core.target import Access
from unfooled.core.threat import ThreatModel
from unfooled.models.survey import PASSES

from . import adaptation, boundary, gradients, landscape, parts, repeats, strength
from .blind import BlockNoise, Differences

SAMPLE = 64
"""Most examples that a probe asks about."""


class Share(NamedTuple):
    """What one probe asks: about how many examples at most, and how many rows about each."""

    examples: int
    bill: Bill


def shares(plan: Plan, threat: ThreatModel) -> list[Share]:
    """List what each probe asks at most where all examples are read rightly, of the fallen and the others alike.

    What a remedy and the look after it cost, nobody knows before.
    """
    classes = plan.classes
    survivors = (strength.LONG, BlockNoise(), Differences())
    square = ATTACKS["square"].bill(classes)
    asked = [
        Share(SAMPLE, Bill(0, 4, 4)),  # usable: two losses at two points
        Share(gradients.EXAMPLES, Bill(0, 1 + gradients.DIRECTIONS * len(gradients.SCALES), 1)),
        Share(parts.EXAMPLES, Bill(0, PASSES, 0)),
        Share(repeats.EXAMPLES, Bill(0, repeats.RUNS + 1 + 2, 2)),  # answers, and two gradients
        Share(repeats.FEW, Bill(0, 2, 0)),
        Share(adaptation.EXAMPLES, Bill(0, 1, 0)),
        Share(landscape.EXAMPLES, Bill(0, 1 + len(landscape.LENGTHS), 1)),
        Share(landscape.EXAMPLES, Bill(0, landscape.STEPS + 1 + landscape.NOISES, landscape.STEPS + 1)),
        *(Share(boundary.EXAMPLES, bill) for bill in _planted(plan, threat)),
        Share(strength.FALLEN, strength.SMALL.bill(classes)),
        *(Share(strength.SURVIVORS, attack.bill(classes)) for attack in survivors),
        Share(strength.SURVIVORS, Bill(min(strength.QUERIES, square.queries), 0, 0)),
        Share(strength.FREE, strength.FAR.bill(classes)),
        Share(SAMPLE, Bill(0, 1, 0)),  # drift
    ]
    return [share._replace(examples=min(len(plan.examples), share.examples)) for share in asked]


def _planted(plan: Plan, threat: ThreatModel) -> list[Bill]:
    """List what planted boundaries cost: features to plant them by, and the suite's attacks on two classes."""
    stages = [stage for stage in meant_for(plan.stages, threat) if not obstacle(stage, threat)]
    climbing = [stage.attack.bill(2) for stage in stages if stage.attack.needs is Access.GRADIENT]
    return [Bill(0, 2 + boundary.INNER + boundary.CONTROLS, 0), *climbing]
