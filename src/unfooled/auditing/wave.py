"""One unit of work: some examples of one shape, one attack, and the referee's judgement of what it proposes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unfooled.core.attack import Found, Hints, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import AttackError, UnfooledError
from unfooled.core.seeds import Draws, untouched
from unfooled.core.target import Access, Target
from unfooled.core.threat import ThreatModel
from unfooled.core.writing import Writer
from unfooled.models.prepare import Prepared
from unfooled.sets.grid import settle

from .hearing import posed, with_texts
from .journal import Unit
from .judging import judged_on, levels_of
from .plan import Plan
from .referee import confidence
from .sheet import COSTS, Clean
from .stages import Stage
from .suites import runs_once
from .surrogates import opened


def ask_clean(plan: Plan, wave: np.ndarray) -> Unit:
    """Ask the model about clean examples `wave` (r,): label, confidence, and scores (r, k) where it gives any."""
    x = plan.examples.batch(wave.tolist(), plan.device)
    target = Target(plan.model, Access.SCORES, len(x), batch=plan.batch, seed=plan.seed, device=plan.device)
    answer = target.answer(x, torch.arange(len(x), device=plan.device))
    unit = {"label": answer.labels.cpu().numpy(), "confidence": confidence(answer).double().cpu().numpy()}
    if isinstance(plan.model, Writer):
        unit = with_texts(unit, unit["label"])
    return unit if answer.scores is None else {**unit, "scores": answer.scores.float().cpu().numpy()}


def attack_wave(
    plan: Plan,
    ladder: Sequence[ThreatModel],
    stage: Stage,
    wave: np.ndarray,
    *,
    clean: Clean,
    spent: np.ndarray,
    rows: int,
    on_pass: Callable[[int], None],
) -> Unit:
    """Let one attack try examples `wave` (r,), about which `spent` (r,) answers were asked before.

    Args:
        plan: The audit.
        ladder: Threats that differ in their radius alone, smallest first: the attack looks within the last of them,
            and what it finds is judged for each.
        stage: The attack.
        wave: Which examples.
        clean: What the model answers to clean examples.
        spent: Counts towards the threat's budget.
        rows: Rows of every pass.
        on_pass: As in `Target`.

    Returns:
        What the attack cost and believed, and `judged` under `0/`, `1/`, ... for each threat of the ladder.
    """
    device, threat = plan.device, ladder[-1]
    x, y = plan.examples.batch(wave.tolist(), device), plan.examples.y[wave].to(device)
    goal, searched = posed(threat.goal, plan.searched, x, y)
    target = _door(plan, searched, threat, stage, torch.from_numpy(spent).to(device), rows=rows, on_pass=on_pass)
    problem = Problem(
        target,
        x.copied(),  # the referee keeps its own
        y.clone(),
        goal,
        threat.within,
        Draws.of(plan.seed, threat.question, repr(stage.attack)),
        hints=_hints(clean, wave, device),
        settle=partial(settle, within=threat.within, levels=levels_of(threat)),
        confirm=not plan.searched.exact,
        surrogates=opened(plan.owned, len(wave), batch=rows, seed=plan.seed, device=device),
        enough=not runs_once(ladder)(stage),
        starts=plan.starts,
    )
    with untouched(device):
        found = _proposed(stage, problem, x)
    costs = {name: getattr(target.spent, name).cpu().numpy() for name in (*COSTS, "dead")}
    costs["own"] = sum((own.spent.forwards.cpu().numpy() for own in problem.surrogates), np.zeros_like(spent))
    first = target.spent.answers() if found.asked is None else found.asked
    judged = enumerate(judged_on(plan, ladder, found.x_adv, x, y))
    unit = {**costs, "proposed": found.reached.cpu().numpy(), "first": first.cpu().numpy()} | {
        f"{place}/{name}": column for place, one in judged for name, column in one.items()
    }
    labels = [column for name, column in unit.items() if name.endswith("/adv_label")]
    return with_texts(unit, np.concatenate(labels)) if isinstance(plan.model, Writer) else unit


def _door(
    plan: Plan,
    searched: Prepared,
    threat: ThreatModel,
    stage: Stage,
    spent: Tensor,
    *,
    rows: int,
    on_pass: Callable[[int], None],
) -> Target:
    """Open the model to a stage that works on examples about which `spent` (r,) answers were asked before."""
    return Target(
        searched,
        max(stage.attack.needs, threat.goal.needs),
        len(spent),
        budget=threat.budget,
        already=spent,
        batch=rows,
        seed=plan.seed,
        device=plan.device,
        on_pass=on_pass,
        draws=plan.searched.draws if stage.attack.needs is Access.GRADIENT else 1,
    )


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


def _hints(clean: Clean, wave: np.ndarray, device: torch.device) -> Hints:
    if clean.scores is None:
        return Hints()
    order = torch.from_numpy(clean.scores[wave]).argsort(dim=1, descending=True, stable=True)
    return Hints(order=order.to(device))
