"""Checks that a model answers alike: asked again, alone, and after it was attacked."""

from __future__ import annotations

from .finding import Case, Finding, Severity

TOLERANCE = 1e-4
ALIKE = 0.9


def random(case: Case) -> Finding | None:
    """Find answers that hang on chance."""
    name = "answers that differ when asked again"
    if case.value(name) <= TOLERANCE:
        return None
    moved, alike = case.value("labels that differ when asked again"), case.value("agreement of two gradients")
    sentence = (
        f"the model answers the same input otherwise when asked again (scores differ by {case.value(name):.1%} of the "
        f"largest, the label of {moved:.0%} of {case.n(name)} examples changed)"
    )
    if alike < ALIKE:
        sentence += f", and two gradients at one point agree only to a cosine of {alike:.2f}"
    remedy = "Average gradients over draws (EOT), and judge by fresh draws: ThreatModel(..., trials=20, quorum=0.5)."
    severity: Severity = "soft" if alike < ALIKE else "info"
    return Finding("random answers", severity, sentence, remedy, cause="randomness", cure="eot")


def company(case: Case) -> Finding | None:
    """Find answers that hang on the rest of the batch."""
    name = "answers that differ alone"
    if case.value(name) <= TOLERANCE or random(case) is not None:
        return None
    sentence = f"scores differ by {case.value(name):.1%} of the largest when an example is asked about alone"
    remedy = "Look for batch norm that uses the batch's own statistics, or for sums over rows."
    return Finding("batch dependence", "hard", sentence, remedy, cause="batch dependence")


def drift(case: Case) -> Finding | None:
    """Find a model that keeps something of its own from one question to the next."""
    lot, after = (case.value(f"answers that differ {when}") for when in ("by the same lot", "after the audit"))
    if company(case) is not None or (lot <= TOLERANCE and random(case) is not None):
        return None
    if max(lot, after) <= TOLERANCE:
        return None
    sentence = (
        f"scores differ by {max(lot, after):.1%} of the largest when the same is asked later with the same random "
        "numbers: the model keeps a memory, or random numbers, of its own"
    )
    remedy = "Keep running averages, counters and memories out of its forward pass; draw from torch's own generator."
    return Finding("changing model", "hard", sentence, remedy)
