"""What the referee makes of an attack's proposals, in the threat's carrier, at one radius or at each of several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.threat import ThreatModel
from unfooled.sets.grid import settle

from .journal import Unit
from .plan import Plan
from .referee import judge

_VERDICT = ("broken", "broken_float32", "adv_label", "adv_confidence", "distance", "margin")


def judged_on(plan: Plan, ladder: Sequence[ThreatModel], x_adv: Batch, x: Batch, y: Tensor) -> list[Unit]:
    """Judge proposals (r, ...) for each of some threats that differ in their radius alone, smallest first.

    At the largest radius, where they were looked for, all of them are judged; at a smaller one those that lie within
    it. No point is judged twice.

    Returns:
        For each threat the rows that were judged, as `row` (m,), and what was found, (m,) each.
    """
    settled, largest = _judged(plan, ladder[-1], x_adv, x, y)
    units = []
    for threat in ladder[:-1]:
        proposed, known = (threat.within.contains(points, x) for points in (x_adv, settled))
        unit = _picked(largest, known.cpu().numpy(), proposed.cpu().numpy())
        moved = (proposed & ~known).nonzero().flatten()  # rounding led beyond this radius: it must round another way
        if len(moved):
            _, anew = _judged(plan, threat, x_adv.rows(moved), x.rows(moved), y[moved])
            unit = _joined(unit, anew, moved.cpu().numpy())
        units.append(unit)
    return [*units, largest]


def levels_of(threat: ThreatModel) -> int | None:
    """Say how many steps between 0 and 1 the threat's carrier can hold; None where it holds every float32."""
    return None if threat.carrier is None else threat.carrier.levels


def _judged(plan: Plan, threat: ThreatModel, x_adv: Batch, x: Batch, y: Tensor) -> tuple[Batch, Unit]:
    """Settle proposals and judge them; what that undoes is judged as it was, too."""
    settled = settle(x_adv, x, threat.within, levels_of(threat))
    rule = partial(judge, plan.model, threat, batch=plan.batch, seed=plan.seed)
    verdict = rule(settled, x, y)
    broken_float32 = verdict.broken.clone()
    differ = (settled.values != x_adv.values).flatten(1).any(dim=1) & ~verdict.broken
    if bool(differ.any()):
        broken_float32[differ] = rule(x_adv.rows(differ), x.rows(differ), y[differ]).broken
    broken = verdict.broken.cpu().numpy()
    unit = {
        "row": np.arange(len(broken)),
        "broken": broken,
        "broken_float32": broken_float32.cpu().numpy(),
        "adv_label": verdict.label.cpu().numpy(),
        "adv_confidence": verdict.confidence.double().cpu().numpy(),
        "distance": verdict.distance.cpu().numpy(),
        # what lies outside the set is no proposal: anything inside is better
        "margin": torch.where(verdict.contained, verdict.margin.double(), -torch.inf).cpu().numpy(),
    }
    if plan.keep != "none":
        worth = np.flatnonzero(broken | (plan.keep == "all")).tolist()
        unit |= {f"x_adv/{row}": _packed(threat, settled, row) for row in worth}
    return settled, unit


def _picked(unit: Unit, known: np.ndarray, proposed: np.ndarray) -> Unit:
    """Take what was found about the rows `known` (n,) bool; those not `proposed` count as settled alone."""
    rows = np.flatnonzero(known)
    picked = {name: unit[name][rows] for name in ("row", *_VERDICT)}
    picked["broken_float32"] &= proposed[rows] | picked["broken"]
    names = (f"x_adv/{row}" for row in rows.tolist())
    return picked | {name: unit[name] for name in names if name in unit}


def _joined(unit: Unit, anew: Unit, rows: np.ndarray) -> Unit:
    """Add what was found anew about some rows (m,) of all."""
    added = {"row": rows, **{name: anew[name] for name in _VERDICT}}
    columns = {name: np.concatenate([unit[name], column]) for name, column in added.items()}
    stored = {f"x_adv/{row}": anew.get(f"x_adv/{place}") for place, row in enumerate(rows.tolist())}
    return unit | columns | {name: packed for name, packed in stored.items() if packed is not None}


def _packed(threat: ThreatModel, x_adv: Batch, row: int) -> np.ndarray:
    values = x_adv.values[row]
    if x_adv.lengths is not None:
        values = values[..., : int(x_adv.lengths[row])]
    packed = values.cpu().numpy()
    return packed if threat.carrier is None else threat.carrier.pack(packed)
