"""Can this robust accuracy be believed? Checks read what probes measured; none asks the model anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, get_args

from unfooled.core.evidence import Evidence, gathered
from unfooled.core.joining import runs
from unfooled.core.results import Results

from . import boundary, gradients, landscape, parts, repeats, strength
from .finding import Case, Check, Cure, Finding, Severity

__all__ = ["CHECKS", "CURES", "Case", "Check", "Cure", "Diagnosis", "Finding", "Severity", "Verdict", "diagnose"]

CURES: tuple[str, ...] = get_args(Cure)
"""What an audit can carry out by itself, in this order."""

CHECKS: tuple[Check, ...] = (
    gradients.dead, gradients.disagreeing, gradients.plateaus, gradients.saturated, parts.broken, parts.adapting,
    repeats.random, repeats.company, repeats.drift,
    landscape.lost, landscape.unguided, landscape.turning, boundary.planted,
    strength.small_steps, strength.longer, strength.noise, strength.differences, strength.black_box, strength.unbounded,
)  # fmt: skip
"""Every check, in the order of the report."""

ENOUGH = 20
"""Examples from which absence of evidence says something."""


class Verdict(StrEnum):
    """Whether the figures of a run can be believed."""

    RELIABLE = "reliable"
    SUSPICIOUS = "suspicious"
    UNRELIABLE = "unreliable"
    CANNOT_SAY = "cannot say"


@dataclass(frozen=True)
class Diagnosis:
    """What came of all checks.

    Attributes:
        findings: What speaks against the figures, hard findings first.
        gaps: Why too little is known; empty where enough is.
    """

    findings: tuple[Finding, ...]
    gaps: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Unreliable by one hard finding, nothing to say by one open, suspicious by one soft; else silence counts."""
        found = {finding.severity for finding in self.findings}
        if "hard" in found:
            return Verdict.UNRELIABLE
        if "open" in found:
            return Verdict.CANNOT_SAY
        if "soft" in found:
            return Verdict.SUSPICIOUS
        return Verdict.CANNOT_SAY if self.gaps else Verdict.RELIABLE


def diagnose(results: Results, checks: tuple[Check, ...] = CHECKS) -> Diagnosis:
    """Judge what a run measured about itself.

    Args:
        results: The run.
        checks: What to look for.
    """
    evidence = tuple(gathered(results.run))
    found = [finding for one in evidence for finding in _findings(results, one, checks)]
    order = get_args(Severity)
    gaps = tuple(_gaps(results, evidence))
    return Diagnosis(tuple(sorted(found, key=lambda finding: order.index(finding.severity))), gaps)


def _findings(results: Results, evidence: Evidence, checks: tuple[Check, ...]) -> Iterator[Finding]:
    for threat in evidence.threats:
        case = Case(evidence.about(threat), results[threat])
        for check in checks:
            finding = check(case)
            if finding is not None:
                yield replace(finding, threat=threat)
    for row in evidence.remedies:
        yield _remedied(row, results)


def _remedied(row: Mapping[str, Any], results: Results) -> Finding:
    """Say what came of a remedy: the finding speaks against the figures no longer, unless it is found again."""
    figure = results[row["threat"]].robust_accuracy
    sentence = (
        f"{row['sentence']}; so the audit attacked again ({row['cure']}: {row['how']}), and {row['fell']} of "
        f"{row['n']} more fell: the robust accuracy of {figure:.1%} counts them"
    )
    remedy = "What an audit does by itself is the least that an attacker will do who knows the model."
    return Finding(row["check"], "info", sentence, remedy, row["threat"], row["cause"])


def _gaps(results: Results, evidence: tuple[Evidence, ...]) -> Iterator[str]:
    """Say why silence would prove nothing."""
    standing = [name for name in results.threats if results[name].robust.any()]
    if not standing:
        if not any(results[name].column("clean_correct").any() for name in results.threats):
            yield "the model reads none of these examples rightly, so that nothing could be attacked"
        return
    for ended in (run["ended"] for run in runs(results.run) if run.get("ended")):
        if ended["not_run"]:
            yield f"the time was up before all examples were tried by {', '.join(ended['not_run'])}"
        if ended["undiagnosed"]:
            yield "the time was up before the diagnosis was finished"
    if not evidence or not any(one.rows for one in evidence):
        yield "nothing was measured: no attack climbed gradients inside a ball, or the diagnosis was switched off"
        return
    sample = max(one.sample for one in evidence)
    if sample < ENOUGH:
        yield f"only {sample} examples could be looked at, and {ENOUGH} are the least that say something"
    settings = {entry["name"]: entry for entry in results.run["threats"]}
    for one in evidence:
        for threat in one.threats:
            once = settings.get(threat, {}).get("trials", 1) == 1
            if once and repeats.random(Case(one.about(threat), results[threat])) is not None:
                yield f"{threat}: the model draws lots, and each example was judged by one draw"
