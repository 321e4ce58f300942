"""Checks of the gradients that attacks climbed."""

from __future__ import annotations

from .finding import Case, Finding, Severity
from .parts import cause

SCALES = ("0.01", "0.1", "0.5")
BLIND, SOME = 0.05, 0.01
AGREE, ERROR = 0.75, 0.5
BPDA = (
    "Give the model a smooth stand-in for the step that breaks its gradient (BPDA), or audit it with --access scores."
)


def dead(case: Case) -> Finding | None:
    """Find gradients of the margin that are zero or no numbers: whoever climbs them goes nowhere."""
    name = "dead margin gradients"
    share = case.value(name)
    if share == 0:
        return None
    sentence = f"{share:.0%} of the {case.n(name)} gradients that were looked at are zero or no numbers"
    severity: Severity = "hard" if share > BLIND else "soft"
    return Finding("dead gradients", severity, sentence, BPDA, cause=cause(case), cure="bpda")


def disagreeing(case: Case) -> Finding | None:
    """Find gradients that do not foretell what a small move does, at any of several scales."""
    agree = {scale: case.value(f"signs that differences share, {scale}") for scale in SCALES}
    error = {scale: case.value(f"error of differences, {scale}") for scale in SCALES}
    if not case.n("error of differences, 0.01"):
        return None
    best = max(SCALES, key=lambda scale: agree[scale])
    if max(agree.values()) >= AGREE and min(error.values()) <= ERROR:
        return None
    sentence = (
        f"moves through the input change the margin the way that the gradient says in only {agree[best]:.0%} of "
        f"{case.n(f'error of differences, {best}')} trials, and by another amount (median error {error[best]:.0%})"
    )
    return Finding("gradients against differences", "hard", sentence, BPDA, cause=cause(case), cure="bpda")


def plateaus(case: Case) -> Finding | None:
    """Find steps in the landscape: short moves that change not one bit of the answer."""
    name = "moves that change nothing, 0.01"
    share = case.value(name)
    if share <= BLIND:
        return None
    sentence = f"{share:.0%} of {case.n(name)} short moves through the input change the answer by nothing at all"
    return Finding("plateaus", "soft", sentence, BPDA, cause=cause(case), cure="bpda")


def saturated(case: Case) -> Finding | None:
    """Find scores from which float32 cannot compute a cross-entropy."""
    if case.value("rows that are probabilities") == 1:
        sure = case.value("answers that saturate")
        sentence = f"the model gives probabilities instead of scores, and {sure:.0%} of them are rounded to certainty"
        remedy = "Return the scores before the softmax."
        return Finding("saturated scores", "soft", sentence, remedy, cause="probabilities", cure="logs")
    name = "dead cross-entropy gradients"
    flat = case.value(name) - case.value("dead margin gradients")
    if flat > SOME:
        sentence = (
            f"scores lie so far apart that {flat:.0%} of the gradients of an ordinary cross-entropy vanish in float32"
        )
        remedy = "Divide the scores by their scale; attacks here climb losses that do not vanish, others may not."
        return Finding("saturated scores", "soft", sentence, remedy, cause="saturation")
    return None
