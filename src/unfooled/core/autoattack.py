"""What AutoAttack would have asked about the same examples, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

TARGETS, STEPS, QUERIES = 9, 100, 5000
FEWEST_CLASSES = 4
"""Its targeted loss compares four scores."""


class Passes(NamedTuple):
    """Rows asked of the model, forwards and backwards."""

    forwards: int
    backwards: int


def autoattack_passes(n: int, standing: Sequence[int], classes: int) -> Passes:
    """Count what AutoAttack's version `standard` asks, for Linf and L2, from how many examples each attack leaves.

    APGD-CE climbs 100 steps, APGD-T and FAB-T climb 100 towards each of the nine likeliest other classes, Square asks
    5,000 times. An example that falls is left alone from the next climb on; a climb runs to its end in any case. Its
    check of the model, seven passes of the first batch, is left out.

    It counts the climbs of a stage as if what falls there fell in the first of them, and the questions of Square on
    those that stand alone; so it counts a little too few.

    Args:
        n: Examples.
        standing: How many are read rightly at first, and after APGD-CE, APGD-T, FAB-T and Square. Where only the first
            and the last number are known, give the last for all others: as nothing stands up again, the count is then
            the least that it can be.
        classes: Of the model, `FEWEST_CLASSES` or more.

    Reference:
        Croce and Hein. Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
        attacks. ICML 2020. https://arxiv.org/abs/2003.01690, section 5.
        Differs from the paper: passes are counted as its authors' code asks them, which computes clean scores anew for
        each climb and asks about each result once more.
    """
    right, entropy, targeted, boundary, square = standing
    climbs = min(TARGETS, classes - 1)
    first, second = entropy + (climbs - 1) * targeted, targeted + (climbs - 1) * boundary
    forwards = (
        n + (STEPS + 3) * right + (STEPS + 2) * first + 2 * entropy + (2 * STEPS + 3) * second + 2 * targeted
        + (QUERIES + 4) * square
    )  # fmt: skip
    return Passes(forwards, (STEPS + 1) * (right + first) + STEPS * second)
