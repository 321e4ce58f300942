"""Evidence for the diagnosis: probes ask the model, and the audit's own attacks, about a random sample of a run.

A probe measures and judges nothing; `unfooled.diagnose` judges and asks nothing. Their cost is kept apart from that of
the attacks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from unfooled.auditing.cohorts import Clock
from unfooled.auditing.journal import Journal, Unit
from unfooled.auditing.plan import Plan
from unfooled.auditing.progress import Progress
from unfooled.auditing.sheet import COSTS, Clean, Sheet
from unfooled.auditing.suites import meant_for, obstacle, unlimited
from unfooled.auditing.threats import ladders
from unfooled.core.evidence import Evidence, Measurement
from unfooled.core.target import Access
from unfooled.core.threat import Ball, ThreatModel

from .adaptation import own_gradients
from .boundary import planted
from .cost import SAMPLE
from .gradients import differences, saturated, usable
from .landscape import climbs, ray
from .parts import broken
from .repeats import company, drift, randomness
from .strength import black_box, finite_differences, longer, noise, small_steps, unbounded
from .subject import Reading, Subject

PROBES: tuple[Callable[[Subject], Reading], ...] = (
    usable, saturated, differences, broken, randomness, company, own_gradients, ray, climbs, planted,
    small_steps, longer, noise, finite_differences, black_box, unbounded, drift,
)  # fmt: skip
"""Every probe, in order; `drift` comes last, since it looks for what the others left behind."""

ANSWERED: dict[str, tuple[Callable[[Subject], Reading], ...]] = {
    "bpda": (differences, broken),
    "eot": (ray, planted),
    "logs": (saturated,),
}
"""What a look after a remedy leaves out: the model is as it was, and the searches rest on that no more. A stand-in
need not foretell small moves of a model with steps; whether it was of use is told by who else breaks what stands. Of a
model that draws lots some probes tell nothing."""


def gather(
    plan: Plan, clean: Clean, sheets: Sequence[Sheet], journal: Journal, progress: Progress, *, clock: Clock
) -> tuple[Evidence, bool]:
    """Measure what a diagnosis needs; tells also whether all of it was measured before the time was up.

    Of threats that differ in their radius alone, the one is probed whose robust accuracy is nearest to half of the
    clean one: where nearly all or nothing stands, attacks do not tell apart.

    Args:
        plan: The audit.
        clean: What the model answers to clean examples.
        sheets: What the audit found, one a threat.
        journal: Remembers probes that a stopped run had finished.
        progress: Who is told.
        clock: When it is out, no new probe begins.
    """
    whole = True
    rows: list[Measurement] = []
    bill: list[dict[str, Any]] = []
    most = 0
    for subject in subjects(plan, clean, sheets, progress):
        began = time.perf_counter()
        answered = {probe for cure in plan.remedies for probe in ANSWERED.get(cure, ())}
        probes = [probe for probe in PROBES if probe not in answered]
        progress.begin(subject.threat.name, "diagnosis", len(probes))
        readings = []
        for probe in probes:
            if clock.out:
                whole = False
                break
            name = f"diagnosis {', '.join(plan.remedies)} {subject.threat.name} {probe.__name__}"
            readings.append(_unpacked(journal.recall(name, partial(_packed, probe, subject))))
            progress.advance(1, 0)
        rows += [row for reading in readings for row in reading.rows]
        costs = {name: sum(getattr(reading, name) for reading in readings) for name in COSTS}
        bill.append({"threat": subject.threat.name, **costs, "seconds": round(time.perf_counter() - began, 3)})
        most = max(most, len(subject.wave))
    return Evidence(tuple(rows), most, tuple(bill)), whole


def subjects(plan: Plan, clean: Clean, sheets: Sequence[Sheet], progress: Progress) -> list[Subject]:
    """Give what there is to diagnose, one subject for each ladder of threats; see `gather`."""
    found = []
    for ladder in ladders(plan.threats):
        usable_rungs = [index for index in ladder if probed(plan, plan.threats[index])]
        if usable_rungs and clean.correct.any():
            index = min(usable_rungs, key=lambda rung: abs(float(sheets[rung].broken[clean.correct].mean()) - 0.5))
            found.append(_subject(plan, clean, plan.threats[index], sheets[index], progress))
    return found


def probed(plan: Plan, threat: ThreatModel) -> bool:
    """Tell whether a threat is diagnosed: it sets a radius, and some attack of the suite used gradients."""
    within = threat.within
    if not isinstance(within, Ball) or unlimited(within) or within.radius <= 0 or threat.access < Access.GRADIENT:
        return False
    ran = (stage for stage in meant_for(plan.stages, threat) if not obstacle(stage, threat))
    return any(stage.attack.needs is Access.GRADIENT for stage in ran)


def _packed(probe: Callable[[Subject], Reading], subject: Subject) -> Unit:
    """Take a reading, as the journal keeps it: an array of bytes."""
    reading = probe(subject)
    text = json.dumps([[list(row) for row in reading.rows], *reading[1:]])
    return {"reading": np.frombuffer(text.encode(), dtype=np.uint8)}


def _unpacked(unit: Unit) -> Reading:
    rows, *costs = json.loads(unit["reading"].tobytes())
    return Reading([Measurement(*row) for row in rows], *costs)


def _subject(plan: Plan, clean: Clean, threat: ThreatModel, sheet: Sheet, progress: Progress) -> Subject:
    """Draw the sample: a hash of an example's contents names it, so the first names in order are a random draw."""
    keys = plan.examples.keys
    right = sorted(np.flatnonzero(clean.correct).tolist(), key=lambda row: keys[row])
    same = [row for row in right if plan.examples.shapes[row] == plan.examples.shapes[right[0]]]
    free = replace(threat, budget=None)
    return Subject(plan, clean, free, np.array(same), SAMPLE, sheet.broken, progress.passed)
