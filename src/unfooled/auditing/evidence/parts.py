"""What in the model breaks its gradients."""

from __future__ import annotations

from typing import get_args

from unfooled.models.classifier import Classifier
from unfooled.models.survey import PASSES, Survey, survey
from unfooled.models.through import Fault

from .subject import Reading, Subject

EXAMPLES = 16


def surveyed(subject: Subject) -> Survey:
    """Look through the user's own model, between clean examples and random points of the set's rim."""
    model, subject = subject.plan.model, subject.first(EXAMPLES)
    if not isinstance(model, Classifier):
        return Survey({}, ())
    return survey(model, subject.x, subject.within.corner(subject.x, subject.draws, 0), subject.plan.seed)


def broken(subject: Subject) -> Reading:
    """Count what breaks gradients, by how it does: operations that were seen, and parts that were measured."""
    found, n = surveyed(subject), min(EXAMPLES, subject.size)
    rows = []
    for fault in get_args(Fault):
        seen = [name for name, how in found.operations.items() if how == fault]
        named = [part.name for part in found.parts if part.fault == fault]
        rows.append(subject.measured(f"operations with {fault}", float(len(seen)), n, ", ".join(seen)))
        rows.append(subject.measured(f"parts with {fault}", float(len(named)), n, ", ".join(named)))
    return Reading(rows, forwards=PASSES * n)
