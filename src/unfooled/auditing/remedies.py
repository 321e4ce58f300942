"""Remedies that a diagnosis names, carried out: whoever stands is attacked again by what the model cannot hide from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from unfooled.attacks import attack_named
from unfooled.core.evidence import Evidence
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.diagnose import CURES, Finding, diagnose
from unfooled.models.adaptive import adapted
from unfooled.models.prepare import Prepared
from unfooled.models.survey import PASSES

from .evidence import gather, subjects
from .evidence.blind import Differences
from .evidence.parts import EXAMPLES as PARTS_EXAMPLES
from .evidence.parts import surveyed
from .evidence.repeats import EXAMPLES, agreement
from .evidence.subject import Subject
from .plan import Plan
from .rounds import Rounds
from .sheet import Clean
from .stages import Stage

ALIKE, MOST_DRAWS, FEW_DRAWS = 0.9, 16, 4
"""How alike two averages of gradients must be, as a cosine, and how many draws an average of an attack and of a probe
has at most."""

BLIND = tuple(
    Stage(name, attack, access=Access.GRADIENT)  # whoever sees less was never misled
    for name, attack in (("differences", Differences(steps=20)), ("square", attack_named("square", queries=1000)))
)
"""What is left where no gradient leads anywhere: each asks for scores alone, and pays for each."""


class Audited(NamedTuple):
    """An audit whose suite has run.

    Attributes:
        plan: The audit, with the model as it is to be looked at.
        rounds: Its attacks; remedies add to them.
        looked_at: Examples that they saw, (r,).
        found: Gives the tables of what is found so far.
    """

    plan: Plan
    rounds: Rounds
    looked_at: np.ndarray
    found: Callable[[], Results]

    @property
    def clean(self) -> Clean:
        """What the model answers to clean examples; others than those looked at are as good as misread."""
        return self.rounds.clean.of(self.looked_at)

    def look(self) -> tuple[Evidence, bool]:
        """Measure what a diagnosis needs; tells also whether that came to its end before the clock did."""
        rounds = self.rounds
        return gather(self.plan, self.clean, rounds.sheets, rounds.journal, rounds.progress, clock=rounds.clock)

    def findings(self, evidence: Evidence) -> Sequence[Finding]:
        """Judge what was measured."""
        found = self.found()
        run = {**self.plan.settings, "measurements": evidence.as_json()}
        return diagnose(Results(found.records, found.stages, run)).findings

    def broken(self) -> np.ndarray:
        """Count what fell, one number a threat."""
        right = self.clean.correct
        return np.array([int((sheet.broken & right).sum()) for sheet in self.rounds.sheets])


def remedied(audited: Audited) -> tuple[Evidence, bool]:
    """Gather evidence and carry out the remedies that it calls for; then look again, as the remedies attack.

    First the model is met through stand-ins for what breaks its gradients, by logarithms of its probabilities, or by
    gradients averaged over draws. Where gradients mislead even so, it is searched without them. Where the time
    is up before a remedy was carried out and looked at, what was found before it still speaks against the figures.

    Tells also whether all came to its end before the time was up.
    """
    evidence, whole = audited.look()
    for treat in (_adapting, _blind):
        findings, began = audited.findings(evidence), time.perf_counter()
        if audited.rounds.clock.out:
            return evidence, whole and not any(finding.cure for finding in findings)
        treatment = treat(audited, findings)
        if treatment is None:
            continue
        seconds = round(time.perf_counter() - began, 3)
        bill = [{"threat": findings[0].threat, **treatment.costs, "seconds": seconds}] if treatment.costs else []
        before, plan = audited.broken(), treatment.plan
        finished = audited.rounds.remedy(plan, audited.looked_at)
        row = _done(treatment, findings, audited.broken() - before, int(audited.clean.correct.sum()))
        audited = audited._replace(plan=replace(plan, adapted=treatment.looks, stages=audited.plan.stages))
        later, whole = audited.look()
        paid = (*evidence.bill, *bill, *later.bill)
        if not (finished and whole):
            return evidence._replace(bill=paid), whole
        evidence = later._replace(bill=paid, remedies=(*evidence.remedies, *row))
    return evidence, whole


class _Treatment(NamedTuple):
    """A plan that carries remedies out.

    Attributes:
        plan: Its stages are the remedies' attacks.
        how: What was done to the model, or to the search.
        cures: Which findings it answers.
        costs: What it took to make it.
        looks: The model as the next look meets it, by fewer draws than attacks.
    """

    plan: Plan
    how: str
    cures: tuple[str, ...]
    costs: dict[str, int]
    looks: Prepared | None


def _adapting(audited: Audited, findings: Sequence[Finding]) -> _Treatment | None:
    """Adapt the model as findings say; None where they say nothing of it, or it cannot be adapted."""
    named = {finding.cure for finding in findings}
    if not named & {"bpda", "eot", "logs"}:
        return None
    plan, logs = audited.plan, "logs" in named
    subject = subjects(plan, audited.clean, audited.rounds.sheets, audited.rounds.progress)[0]
    broken = surveyed(subject) if "bpda" in named else None
    draws, spent = _draws(audited, subject) if "eot" in named else (1, 0)
    model = adapted(plan.model, broken, logarithms=logs, draws=draws)
    if model is None:
        return None
    did = {"bpda": broken is not None and broken.mends, "eot": draws > 1, "logs": logs}
    cures = tuple(cure for cure in CURES if did.get(cure))
    stages = [stage for stage in plan.stages if stage.attack.needs is Access.GRADIENT]
    watched = 0 if broken is None else PASSES * len(subject.first(PARTS_EXAMPLES).wave)
    costs = {"queries": 0, "forwards": spent + watched, "backwards": spent}
    attacks = replace(plan, adapted=model, remedies=cures, stages=_named(stages, cures))
    return _Treatment(attacks, model.steps, cures, costs, replace(model, draws=min(draws, FEW_DRAWS)))


def _blind(audited: Audited, findings: Sequence[Finding]) -> _Treatment | None:
    """Search without gradients where others break what stands, or stand-ins lead nowhere; None where that is not so.

    Where a longer climb breaks it too, gradients lead somewhere, and the suite was too weak.
    """
    plan, wanted = audited.plan, ("bpda", "differences")
    hard = [finding for finding in findings if finding.severity in ("hard", "open")]
    if audited.clean.scores is None or not any(finding.cure in wanted for finding in hard):
        return None
    if any(finding.check == "unfinished search" for finding in hard):
        return None
    remedies = (*plan.remedies, "differences")
    stages = tuple(stage._replace(name=f"{stage.name}, no gradients") for stage in BLIND)
    blind = replace(plan, remedies=remedies, stages=stages)
    return _Treatment(blind, "searches by scores alone", wanted, {}, plan.adapted)


def _named(stages: Sequence[Stage], cures: Sequence[str]) -> tuple[Stage, ...]:
    return tuple(stage._replace(name=", ".join((stage.name, *cures))) for stage in stages)


def _draws(audited: Audited, subject: Subject) -> tuple[int, int]:
    """Double the draws until two halves of them point the same way; gives their number, and what that cost in rows."""

    def measured() -> dict[str, np.ndarray]:
        draws, spent = 2, 0
        while True:
            spent += draws * len(subject.first(EXAMPLES).wave)
            if draws >= MOST_DRAWS or agreement(subject, draws // 2) >= ALIKE:
                return {"draws": np.array([draws]), "spent": np.array([spent])}
            draws *= 2

    unit = audited.rounds.journal.recall(f"draws {subject.threat.name}", measured)
    return int(unit["draws"][0]), int(unit["spent"][0])


def _done(treatment: _Treatment, findings: Sequence[Finding], fell: np.ndarray, n: int) -> tuple[dict[str, Any], ...]:
    """Write down what was found, once for each cause, what was done about it, and what fell to that."""
    plan = treatment.plan
    gained = dict(zip((threat.name for threat in plan.threats), fell.tolist(), strict=True))
    answered = [finding for finding in findings if finding.cure in treatment.cures and finding.severity != "info"]
    first = {(finding.threat, finding.cause): finding for finding in reversed(answered)}
    return tuple(
        {
            "threat": finding.threat,
            "cure": ", ".join(plan.remedies),
            "how": treatment.how,
            "check": finding.check,
            "severity": finding.severity,
            "cause": finding.cause,
            "sentence": finding.sentence,
            "fell": gained[finding.threat],
            "n": n,
        }
        for finding in reversed(first.values())
    )
