"""What other attackers do to examples that an audit has judged: those that stand, and those that fell."""

from __future__ import annotations

import math

import numpy as np

from unfooled.attacks import ATTACKS
from unfooled.attacks.apgd import APGD
from unfooled.attacks.pgd import PGD
from unfooled.core.attack import Attack
from unfooled.core.target import Access
from unfooled.core.threat import Ball

from .blind import BlockNoise, Differences
from .subject import Reading, Subject

SURVIVORS, LEAST, FALLEN, FREE = 32, 2, 128, 32
QUERIES = 500
SMALL = PGD(steps=10, step=0.25, random_start=False, loss="margin")
LONG = APGD("rescaled-cross-entropy", steps=200)
FAR = PGD(steps=100, step=0.02, random_start=False, loss="rescaled-cross-entropy")


def small_steps(subject: Subject) -> Reading:
    """Send a few plain steps to examples that fell: where they fail and the audit did not, gradients mislead."""
    fallen = subject.fallen[:FALLEN]
    broken, cost = subject.attacked(SMALL, fallen)
    value = float((~broken).sum())
    rows = [subject.measured("fallen that small steps leave standing", value, len(fallen), repr(SMALL))]
    return cost._replace(rows=rows if len(fallen) else [])


def longer(subject: Subject) -> Reading:
    """Send a long gradient attack, of another loss than most, to examples that stand."""
    return _on_survivors(subject, "survivors that a longer attack broke", LONG)


def noise(subject: Subject) -> Reading:
    """Send noise that needs no model at all."""
    return _on_survivors(subject, "survivors that noise broke", BlockNoise())


def finite_differences(subject: Subject) -> Reading:
    """Send a climb along differences instead of gradients."""
    return _on_survivors(subject, "survivors that differences broke", Differences())


def black_box(subject: Subject) -> Reading:
    """Send the strongest search by scores alone."""
    return _on_survivors(subject, "survivors that a black box broke", ATTACKS["square"], QUERIES)


def unbounded(subject: Subject) -> Reading:
    """Set no limit but the range of inputs: nothing can stand."""
    within = subject.within
    values = int(np.prod(subject.x.values.shape[1:]))
    reach = {"linf": 1.0, "l2": math.sqrt(values), "l1": float(values), "l0": float(values)}
    span = reach[subject.kind] * (1.0 if subject.kind == "l0" else within.high - within.low)
    wave = subject.wave[:FREE]
    broken, cost = subject.attacked(FAR, wave, within.resized(span))
    stood = float((~broken).sum())
    return cost._replace(rows=[subject.measured("examples that stand without a limit", stood, len(wave))])


def _on_survivors(subject: Subject, name: str, attack: Attack[Ball], queries: int | None = None) -> Reading:
    wave = subject.survivors[: _worth(subject)]
    if not len(wave) or (attack.needs is Access.SCORES and subject.clean.scores is None):
        return Reading([])
    broken, cost = subject.attacked(attack, wave, queries=queries)
    return cost._replace(rows=[subject.measured(name, float(broken.sum()), len(wave), repr(attack))])


def _worth(subject: Subject) -> int:
    """Say how many survivors to ask: all that may be wrong with a robust accuracy shrinks with the share that stands.

    In proportion to that share, up to a half: so many bear witness to an equal number of points.
    """
    share = len(subject.survivors) / max(1, len(subject.drawn))
    return max(LEAST, math.ceil(SURVIVORS * min(1.0, 2 * share)))
