"""The model's mode, and whether asking it leaves it as it was."""

from __future__ import annotations

from typing import Any

import torch

from unfooled.models.classifier import Classifier
from unfooled.models.weights import fingerprint

from .patient import Check, Patient


def evaluation_mode(patient: Patient) -> list[Check]:
    """Check that no part is in training mode."""
    model = patient.model
    if not isinstance(model, Classifier):
        return [Check("evaluation mode", "ok", "an adapter of your own; its modes are its own affair")]
    parts = [name or "the whole model" for name, part in model.module.named_modules() if part.training]
    if parts:
        found = f"{len(parts)} parts in training mode, such as {parts[0]}"
        return [Check("evaluation mode", "fail", found, "Call model.eval() first.")]
    return [Check("evaluation mode", "ok", "no part is in training mode")]


def untouched(patient: Patient) -> list[Check]:
    """Check that a forward and a backward pass leave weights, buffers, modes and gradients as they were."""
    model, x = patient.model, patient.few(4)
    if not isinstance(model, Classifier):
        return [Check("left untouched", "ok", "an adapter of your own; not looked into")]
    before = _state(model)
    values = x.values.clone().requires_grad_(x.values.is_floating_point())
    with torch.enable_grad():
        model.outputs(x.holding(values))
    changed = [name for name, was in before.items() if _state(model)[name] != was]
    if changed:
        advice = "Call model.eval(), and keep running averages and counters out of its forward pass."
        return [Check("left untouched", "fail", f"one pass changed its {' and '.join(changed)}", advice)]
    return [Check("left untouched", "ok", "weights, buffers, modes and gradients are as before")]


def _state(model: Classifier) -> dict[str, Any]:
    module = model.module
    return {
        "weights or buffers": fingerprint(module),
        "modes": [part.training for part in module.modules()],
        "gradients": [(part.requires_grad, part.grad is None) for part in module.parameters()],
    }
