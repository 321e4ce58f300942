"""Whether the same question gets the same answer, alone or in company."""

from __future__ import annotations

from math import isnan

import torch
from torch import Tensor

from .patient import Check, Patient, scores_of

RUNS, TOLERANCE = 5, 1e-4
"""How often the model is asked, and the relative difference of scores that float sums may make."""


def repeats(patient: Patient) -> list[Check]:
    """Ask the same a few times over."""
    x = patient.few(patient.batch)
    runs = [scores_of(patient.model, x, patient.batch) for _ in range(RUNS)]
    difference = max(apart(runs[0], run) for run in runs)
    if difference == 0:
        return [Check("determinism", "ok", f"{RUNS} runs agree bit for bit")]
    if difference <= TOLERANCE:
        return [Check("determinism", "ok", f"{RUNS} runs agree to {difference:.1e} of the largest score")]
    moved = sum(int((run.argmax(dim=1) != runs[0].argmax(dim=1)).any()) for run in runs)
    found = f"scores differ by {difference:.1e} of the largest; the answer changed in {moved} of {RUNS} runs"
    advice = "If that is meant, judge by fresh draws: unfooled.ThreatModel(..., trials=20, quorum=0.5)."
    return [Check("determinism", "warn", found, advice)]


def neighbours(patient: Patient) -> list[Check]:
    """Ask about examples together, one by one, and in another order."""
    x = patient.few(8)
    together, again = (scores_of(patient.model, x, len(x)) for _ in range(2))
    if apart(together, again) > TOLERANCE:
        return [Check("batch dependence", "warn", "cannot be told: the model is random", "See determinism.")]
    order = torch.arange(len(x), device=x.values.device).flip(0)
    shuffled = scores_of(patient.model, x.rows(order), len(x))[order]
    alone = scores_of(patient.model, x, 1)
    moved, parted = apart(together, shuffled), apart(together, alone)
    if max(moved, parted) > TOLERANCE:
        found = f"scores differ by {parted:.1e} of the largest asked alone, by {moved:.1e} in another order"
        advice = "An answer must not depend on its neighbours: look for batch norm in training mode or sums over rows."
        return [Check("batch dependence", "fail", found, advice)]
    bits = "agree bit for bit" if moved == 0 else f"agree to {moved:.1e}"
    return [Check("batch dependence", "ok", f"orders {bits}; alone or together to {parted:.1e}")]


def apart(first: Tensor, second: Tensor) -> float:
    """Measure the largest difference relative to the largest score; NaN in both places counts as equal."""
    if first.shape != second.shape:
        return float("inf")
    same = (first == second) | (first.isnan() & second.isnan())
    if bool(same.all()):
        return 0.0
    scale = first[first.isfinite()].abs().amax() if bool(first.isfinite().any()) else first.new_tensor(1.0)
    difference = float((first - second)[~same].abs().amax() / scale.clamp(min=1e-12))
    return float("inf") if isnan(difference) else difference
