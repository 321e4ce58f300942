"""What kind of numbers the scores are."""

from __future__ import annotations

from unfooled.core.target import Access
from unfooled.models.black_box import most_access

from .patient import Check, Patient


def finite(patient: Patient) -> list[Check]:
    """Check that the scores are finite."""
    scores = patient.scores
    broken = (~scores.isfinite().all(dim=1)).nonzero().flatten().tolist()
    if broken:
        found = f"NaN or infinity for {len(broken)} of {len(scores)} examples, the first at position {broken[0]}"
        advice = "Check the weights, the preprocessing, and for log(0) or overflow in half precision."
        return [Check("finite scores", "fail", found, advice)]
    return [Check("finite scores", "ok", f"{scores.shape[1]} classes, {float(scores.min()):.3g} to "
                                         f"{float(scores.max()):.3g}")]  # fmt: skip


def scale(patient: Patient) -> list[Check]:
    """Tell logits from probabilities: the latter round to 1, and their gradients to 0."""
    scores = patient.scores
    if most_access(patient.model) is Access.DECISION:
        return [Check("logits", "ok", "none: the model tells labels only")]
    inside = bool(((scores >= 0) & (scores <= 1)).all())
    if inside and bool(((scores.sum(dim=1) - 1).abs() < 1e-3).all()):
        advice = "Return the logits, before the softmax: near 1 a probability rounds, and its gradient vanishes."
        if most_access(patient.model) is Access.SCORES:
            advice = "Say `kind: probabilities` in the target's settings: attackers climb their logarithms better."
        return [Check("logits", "warn", "probabilities: each row lies in [0, 1] and sums to 1", advice)]
    if bool((scores <= 1e-6).all()) and bool((scores.exp().sum(dim=1) - 1).abs().max() < 1e-3):
        return [Check("logits", "ok", "logarithms of probabilities, which serve as logits")]
    return [Check("logits", "ok", "not probabilities, so taken for logits")]
