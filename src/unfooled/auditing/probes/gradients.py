"""Whether gradients reach the input, and whether they say anything."""

from __future__ import annotations

import torch
from torch.nn import functional

from unfooled.core.target import Access
from unfooled.core.threat import SIGHTS
from unfooled.models.black_box import most_access

from .patient import Check, Patient

SATURATED = 1 - 2.0**-24
"""Above this, a probability in float32 is 1, and the gradient of its cross-entropy is 0."""


ADVICE = {
    "none": "Remove detach(), argmax or numpy steps from its forward pass, or audit it with --access scores.",
    "broken": "Look for log(0), division by zero or square roots at 0 in the forward pass.",
    "zero": "Attacks on the cross-entropy are blind there; the suite `standard` climbs margins as well. Look for "
    "rounding, thresholds or a softmax in the model.",
}


def gradients(patient: Patient) -> list[Check]:
    """Check that gradients at the input exist, are finite and are not zero."""
    access = most_access(patient.model)
    x = patient.few(patient.batch)
    if access < Access.GRADIENT or not x.values.is_floating_point():
        return [_none(access)]
    y = patient.y[: len(x)].clamp(0, patient.scores.shape[1] - 1)
    values = x.values.clone().requires_grad_()
    with torch.enable_grad():
        scores = patient.model.outputs(x.holding(values))
        loss = functional.cross_entropy(scores, y, reduction="sum")
        grad = torch.autograd.grad(loss, values, allow_unused=True)[0] if loss.requires_grad else None
    if grad is None:
        return [Check("gradients", "fail", "no gradient reaches the input", ADVICE["none"])]
    rows = grad.flatten(1)
    broken = int((~rows.isfinite().all(dim=1)).sum())
    if broken:
        return [Check("gradients", "fail", f"NaN or infinite for {broken} of {len(x)} examples", ADVICE["broken"])]
    flat = rows.abs().amax(dim=1) == 0
    saturated = int((scores.detach().softmax(dim=1).gather(1, y.unsqueeze(1)) > SATURATED).sum())
    zeros = float((rows[~flat] == 0).float().mean()) if bool((~flat).any()) else 1.0
    found = f"zero for {int(flat.sum())} of {len(x)} examples, {saturated} saturated; else {zeros:.1%} of values zero"
    if bool(flat.all()):
        return [
            Check("gradients", "fail", f"exactly zero for all {len(x)} examples, {saturated} saturated", ADVICE["zero"])
        ]
    if bool(flat.any()) or zeros > 0.5:
        return [Check("gradients", "warn", found, ADVICE["zero"])]
    return [Check("gradients", "ok", f"finite; {zeros:.1%} of values are exactly zero")]


def _none(access: Access) -> Check:
    if access is Access.GRADIENT:
        return Check("gradients", "ok", "the input is discrete: there are none to check")
    found = f"none: the model can only be asked, and gives {SIGHTS[access]} at most"
    return Check("gradients", "ok", found, "Attacks that need more are left out by the audit itself.")
