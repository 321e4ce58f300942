"""Checks whether the audit finds what is known to be there."""

from __future__ import annotations

from unfooled.core.rates import clopper_pearson

from .finding import Case, Finding, Severity
from .parts import cause
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
    severity: Severity = "hard" if surely else "soft"
    return Finding("planted boundaries missed", severity, sentence, MASKING, cause=cause(case), cure="bpda")
