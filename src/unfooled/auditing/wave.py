"""One unit of work: some examples of one shape, one attack, and the referee's judgement of what it proposes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unfooled.core.attack import Found, Hints, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import AttackError, UnfooledError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.core.threat import ThreatModel
from unfooled.sets.grid import settle

from .journal import Unit
from .plan import Plan
from .referee import confidence, judge
from .sheet import COSTS, Clean
from .suites import Stage


def ask_clean(plan: Plan, wave: np.ndarray) -> Unit:
    """Ask the model about clean examples `wave` (r,): label, confidence, and scores (r, k) where it gives any."""
    x = plan.examples.batch(wave.tolist(), plan.device)
    target = Target(plan.model, Access.SCORES, len(x), batch=plan.batch, seed=plan.seed, device=plan.device)
    answer = target.answer(x, torch.arange(len(x), device=plan.device))
    unit = {"label": answer.labels.cpu().numpy(), "confidence": confidence(answer).double().cpu().numpy()}
    return unit if answer.scores is None else {**unit, "scores": answer.scores.float().cpu().numpy()}


def attack_wave(
    plan: Plan,
    threat: ThreatModel,
    stage: Stage,
    wave: np.ndarray,
    *,
    clean: Clean,
    spent: np.ndarray,
    on_pass: Callable[[int], None],
) -> Unit:
    """Let one attack try examples `wave` (r,), about which `spent` (r,) answers were asked before."""
    device = plan.device
    x, y = plan.examples.batch(wave.tolist(), device), plan.examples.y[wave].to(device)
    target = Target(
        plan.model,
        max(stage.attack.needs, threat.goal.needs),
        len(x),
        budget=threat.budget,
        already=torch.from_numpy(spent).to(device),
        batch=plan.batch,
        seed=plan.seed,
        device=device,
        on_pass=on_pass,
    )
    problem = Problem(
        target,
        x.copied(),  # the referee keeps its own
        y.clone(),
        threat.goal,
        threat.within,
        Draws.of(plan.seed, threat.name, repr(stage.attack)),
        hints=_hints(clean, wave, device),
        settle=partial(settle, within=threat.within, levels=_levels(threat)),
    )
    found = _proposed(stage, problem, x)
    unit = _judged(plan, threat, found.x_adv, x, y)
    counts = {name: getattr(target.spent, name).cpu().numpy() for name in COSTS}
    counts["dead"] = target.spent.dead.cpu().numpy()
    return {**unit, **counts, "proposed": found.reached.cpu().numpy()}


def _proposed(stage: Stage, problem: Problem[Any], x: Batch) -> Found:
    """Run an attack and check that it hands back one proposal an example.

    Raises:
        AttackError: It failed, or handed back something else.
    """
    do = "Mend the attack; what is finished is kept, so go on with resume."
    try:
        found = stage.attack(problem)
        values, reached = found.x_adv.values, found.reached
        fits = len(values) == len(reached) == len(x) and values.dtype == x.values.dtype
        fits &= found.x_adv.lengths is not None or values.shape == x.values.shape
    except UnfooledError:
        raise
    except Exception as error:
        raise AttackError(f"The attack {stage.name} failed", f"{type(error).__name__}: {error}", do) from error
    if not fits:
        wanted = f"{tuple(x.values.shape)} {x.values.dtype}"
        raise AttackError(
            f"The attack {stage.name} must propose one example each, {wanted}",
            f"{tuple(values.shape)} {values.dtype}, {tuple(reached.shape)} reached",
            do,
        )
    return found


def _judged(plan: Plan, threat: ThreatModel, x_adv: Batch, x: Batch, y: Tensor) -> Unit:
    settled = settle(x_adv, x, threat.within, _levels(threat))
    rule = partial(judge, plan.model, threat, batch=plan.batch, seed=plan.seed)
    verdict = rule(settled, x, y)
    broken_float32 = verdict.broken.clone()
    differ = (settled.values != x_adv.values).flatten(1).any(dim=1) & ~verdict.broken
    if bool(differ.any()):
        broken_float32[differ] = rule(x_adv.rows(differ), x.rows(differ), y[differ]).broken
    broken = verdict.broken.cpu().numpy()
    unit = {
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
    return unit


def _packed(threat: ThreatModel, x_adv: Batch, row: int) -> np.ndarray:
    values = x_adv.values[row]
    if x_adv.lengths is not None:
        values = values[..., : int(x_adv.lengths[row])]
    packed = values.cpu().numpy()
    return packed if threat.carrier is None else threat.carrier.pack(packed)


def _levels(threat: ThreatModel) -> int | None:
    return None if threat.carrier is None else threat.carrier.levels


def _hints(clean: Clean, wave: np.ndarray, device: torch.device) -> Hints:
    if clean.scores is None:
        return Hints()
    order = torch.from_numpy(clean.scores[wave]).argsort(dim=1, descending=True, stable=True)
    return Hints(order=order.to(device))
