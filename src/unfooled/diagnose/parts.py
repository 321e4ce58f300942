"""Checks of what in the model breaks its gradients, and of why."""

from __future__ import annotations

from .finding import Case, Finding

CERTAIN = 0.5
"""Share of answers that saturate from which that is why gradients vanish."""

FAULTS = {
    "rounding": "is flat and jumps, so its gradient is zero",
    "detachment": "moves smoothly, and its gradient says otherwise",
    "shattering": "jumps when its input hardly moves, so its gradient holds for no distance",
}
_ADAPTS = "gradients taken while answering"
_STAND_IN = "Give the model a smooth stand-in for it (BPDA)."


def cause(case: Case) -> str:
    """Say in a word why gradients mislead, as far as the model was seen to do it; empty where it was not."""
    if case.value(_ADAPTS):
        return "adaptation"
    for found in ("parts", "operations"):
        for fault in FAULTS:
            if case.value(f"{found} with {fault}"):
                return fault
    return "saturation" if case.value("answers that saturate") > CERTAIN else ""


def broken(case: Case) -> Finding | None:
    """Find parts of the model whose gradients are not what the parts do."""
    for fault, told in FAULTS.items():
        one = case.measured.get(f"parts with {fault}")
        if one is not None and one.value:
            sentence = f"a part of the model ({one.detail}) {told}"
            return Finding("broken parts", "soft", sentence, _STAND_IN, cause=fault, cure="bpda")
    return None


def adapting(case: Case) -> Finding | None:
    """Find models that take gradients of their own while they answer, which no attack differentiates through."""
    if not case.value(_ADAPTS):
        return None
    sentence = "the model takes gradients while it answers, and attacks do not climb what it computes by them"
    remedy = (
        "Give attacks a copy that keeps its graph (create_graph=True) or leaves its own steps out, or judge it by "
        "transfer from such a copy."
    )
    return Finding("adapts while it answers", "open", sentence, remedy, cause="adaptation", cure="differences")
