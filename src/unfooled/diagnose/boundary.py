"""Checks whether the audit finds what is known to be there, and whether it could follow all that the model does."""

from __future__ import annotations

from unfooled.core.rates import clopper_pearson

from .finding import Case, Finding
from .repeats import random
from .strength import MASKING

FOUND = 0.95
"""Share of planted boundaries that a sound attack finds (Zimmermann et al. 2022)."""

SURE, SURER = 0.9, 0.98
"""How sure one must be that it is less, to say so and to call it hard: of 12, from 3 and from 4 missed on."""

EASY = 0.5
"""Share that noise may find: beyond it the problems are no test."""


def planted(case: Case) -> Finding | None:
    """Find attacks that miss adversarial examples that were put there.

    Where answers are random a boundary cannot be planted: it would lie elsewhere the next time.
    """
    name = "planted boundaries that the attacks found"
    found, n = int(case.value(name)), case.n(name)
    chance = int(case.value("planted boundaries that noise found"))
    if not n or chance > EASY * n or random(case) is not None or clopper_pearson(found, n, SURE).high >= FOUND:
        return None
    sentence = f"of {n} adversarial examples planted behind new boundaries the attacks found {found}, noise {chance}"
    surely = clopper_pearson(found, n, SURER).high < FOUND
    return Finding("planted boundaries missed", "hard" if surely else "soft", sentence, MASKING)


def adapting(case: Case) -> Finding | None:
    """Find models that take gradients of their own while they answer, which no attack differentiates through."""
    if not case.value("gradients taken while answering"):
        return None
    sentence = "the model takes gradients while it answers, and attacks do not climb what it computes by them"
    remedy = (
        "Give attacks a copy that keeps its graph (create_graph=True) or leaves its own steps out, or judge it by "
        "transfer from such a copy."
    )
    return Finding("adapts while it answers", "hard", sentence, remedy)
