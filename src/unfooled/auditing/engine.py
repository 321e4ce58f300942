"""The audit: each attack of a suite sees what the ones before it left standing, and the referee decides."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from unfooled.core import folder
from unfooled.core.attack import Attack
from unfooled.core.results import Results
from unfooled.core.schema import POINT_NOWHERE
from unfooled.core.target import Access
from unfooled.core.threat import Ball, ThreatModel
from unfooled.models.prepare import Preparation

from .journal import Journal, Unit
from .plan import Plan
from .planned import planned
from .progress import Progress, Silent
from .remedies import Audited, remedied
from .sheet import COSTS, Clean, Sheet
from .stages import Stage
from .suites import meant_for, obstacle, runs_once, unlimited
from .threats import Threats, ladders
from .wave import ask_clean, attack_wave


def audit(
    model: object,
    data: object,
    threats: Threats,
    suite: str | Sequence[str | Stage | Attack[Ball]] = "standard",
    *,
    batch: int = 16,
    seed: int = 0,
    device: str | torch.device | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    budget: int | None = None,
    access: Access | None = None,
    keep: str = "broken",
    prepare: Preparation = "on",
    diagnose: bool = True,
    progress: Progress | None = None,
    note: dict[str, Any] | None = None,
) -> Results:
    """Audit a model: who can fool it, on which examples, at what cost.

    Args:
        model: A torch module from pictures in [0, 1] to class scores, in eval mode, or an adapter (`unfooled.wrap`).
        data: (x, y) tensors, an iterable of such batches, or a path: a folder per class, a CSV, an npz.
        threats: What the attacker may do: `"linf:4/255"`, `unfooled.l2(3)`, `"linf:1/255,2/255"`, or a list of such.
        suite: A suite's name, or attacks by name or as values.
        batch: Rows of every pass. Answers do not depend on the examples' order or on resuming, nor on sharding where
            all stages are for everyone; across batch sizes they agree but where a margin is smaller than 1e-4.
        seed: Of all randomness, 0 or more.
        device: Where the passes run; None for where the model is.
        out: Folder to write the run to; None keeps it in memory.
        resume: Go on with an unfinished run in `out`.
        budget: Most answers that the attacker may ask for one example; None for each threat's own.
        access: What the attacker sees; None for each threat's own.
        keep: Which pictures the run keeps: `none`, `broken` or `all`.
        prepare: What attacks search with: "on" for a private copy that is cheaper and answers alike, "bf16" for one in
            bfloat16, "compiled" for one through torch.compile, "off" for the model itself, which judges in any case.
        diagnose: Whether to measure, where attacks used gradients, if the figures can be believed, and to attack again
            by what the findings call for: see `unfooled.diagnose`.
        progress: Who is told how it is coming along.
        note: What to add to the run's description, such as the command; plain JSON values.

    Raises:
        InputError: Data, labels, threats or settings cannot be used.
        ModelError: The model cannot be audited as it is.
        RunError: `out` holds another run.
    """
    plan = planned(
        model, data, threats, suite, batch=batch, seed=seed, device=device, budget=budget, access=access, keep=keep,
        prepare=prepare, diagnose=diagnose,
    )  # fmt: skip
    path = None if out is None else Path(out)
    journal = Journal(path, plan.settings, resume=resume)
    if path is not None and (path / folder.RUN).is_file():
        journal.close()
        return folder.load(path)
    results = _Run(plan, journal, progress or Silent(), note or {}).results()
    if path is not None:
        folder.save(results, path)
    journal.close()
    return results


_NOBODY = np.zeros(0, dtype=np.int64)
_DEAD = 0.01
"""Share of gradients that point nowhere from which a run says so."""


class _Rung(NamedTuple):
    """One radius of a ladder."""

    threat: ThreatModel
    sheet: Sheet


@dataclass
class _Run:
    """The state of one audit."""

    plan: Plan
    journal: Journal
    progress: Progress
    note: dict[str, Any]
    ledger: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def results(self) -> Results:
        began, created = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        plan, clean = self.plan, self._clean()
        sheets = [Sheet(len(plan.examples)) for _ in plan.threats]
        self._attack(clean, sheets)
        run = {
            **plan.settings,
            "data": {**plan.settings["data"], "notes": list(plan.examples.notes)},
            "notes": self.notes,
            "created": created,
            "seconds": round(time.perf_counter() - began, 3),
            **self.note,
        }
        audited = Audited(plan, clean, sheets, self.journal, self.progress, self.notes)
        if plan.diagnosed:
            evidence = remedied(audited, lambda other: replace(self, plan=other)._attack(clean, sheets))
            run["measurements"] = evidence.as_json()
        return audited.results(run, self.ledger)

    def _attack(self, clean: Clean, sheets: list[Sheet]) -> None:
        for ladder in ladders(self.plan.threats):
            self._ladder([_Rung(self.plan.threats[index], sheets[index]) for index in ladder], clean)

    def _clean(self) -> Clean:
        plan, n = self.plan, len(self.plan.examples)
        label, sure = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
        scores: np.ndarray | None = None
        self.progress.begin("clean", "", n)
        for wave in plan.waves(np.arange(n)):
            unit = self.journal.recall(f"clean {' '.join(self._keys(wave))}", partial(ask_clean, plan, wave))
            label[wave], sure[wave] = unit["label"], unit["confidence"]
            if "scores" in unit:
                scores = np.zeros((n, plan.classes), dtype=np.float32) if scores is None else scores
                scores[wave] = unit["scores"]
            self.progress.advance(len(wave), 0)
        return Clean(label, sure, label == plan.examples.y.numpy(), scores)

    def _ladder(self, ladder: list[_Rung], clean: Clean) -> None:
        """Attack at several radii, smallest first.

        An attack that looks for the nearest success runs once, at the largest radius, on all that it could still bring
        down at any; without a limit, on all. Then the others climb from below, and what fell is carried. At a single
        radius all run in the suite's order.
        """
        stages = {rung.threat.name: self._stages(rung.threat) for rung in ladder}
        lowest, highest = ladder[0], ladder[-1]
        exposed = clean.correct & ~clean.reaching(highest.threat.goal, self.plan.examples.y)
        shared = runs_once([rung.threat for rung in ladder])
        for stage in stages[highest.threat.name]:
            if shared(stage):
                fallen = lowest.sheet.broken & ~unlimited(highest.threat.within)
                self._stage(ladder, stage, clean, np.flatnonzero(exposed & ~fallen))
        for below, rung in zip([None, *ladder], ladder, strict=False):
            if below is not None:
                rung.sheet.carry(below.sheet)
            share = 0.0
            for stage in stages[rung.threat.name]:
                if not shared(stage):
                    standing = np.flatnonzero(exposed & ~rung.sheet.broken) if stage.runs_after(share) else _NOBODY
                    share = self._stage([rung], stage, clean, self._picked(stage, rung.sheet, standing))

    def _picked(self, stage: Stage, sheet: Sheet, standing: np.ndarray) -> np.ndarray:
        """Say on which of those that stand a stage is spent."""
        picked: np.ndarray = standing[stage.among.pick(self._keys(standing), sheet.best["margin"][standing])]
        return picked

    def _keys(self, rows: np.ndarray) -> list[str]:
        return [self.plan.examples.keys[row] for row in rows.tolist()]

    def _stages(self, threat: ThreatModel) -> list[Stage]:
        """Pick the attacks that can be used under a threat, and note down why others cannot."""
        meant = meant_for(self.plan.stages, threat.within)
        obstacles = [obstacle(stage, threat) for stage in meant]
        told = zip(meant, obstacles, strict=True)
        self.notes += [f"{threat.name}: {stage.name} was left out, since {why}" for stage, why in told if why]
        return [stage for stage, why in zip(meant, obstacles, strict=True) if not why]

    def _stage(self, ladder: list[_Rung], stage: Stage, clean: Clean, standing: np.ndarray) -> float:
        """Let one attack try examples at the last of some radii, and enter what it finds at each of them.

        Returns the share of them that it broke.
        """
        if not len(standing):
            return 0.0
        began, top = time.perf_counter(), ladder[-1]
        self.progress.begin(top.threat.name, stage.name, len(standing))
        costs, broken = dict.fromkeys((*COSTS, "proposed", "dead"), 0), [0] * len(ladder)
        threats, rows = [rung.threat for rung in ladder], stage.rows(self.plan.batch, len(standing))
        for wave in self.plan.waves(standing):
            spent, on_pass = top.sheet.asked[wave], self.progress.passed
            ask = partial(attack_wave, clean=clean, spent=spent, rows=rows, on_pass=on_pass)
            name = f"{top.threat.name} {stage.name} {' '.join(self._keys(wave))}"
            unit = self.journal.recall(name, partial(ask, self.plan, threats, stage, wave))
            for place, rung in enumerate(ladder):
                judged = _under(unit, f"{place}/")
                rung.sheet.charge(wave, unit, billed=rung is top)
                rung.sheet.enter(stage.name, wave, judged, keep=self.plan.keep)
                broken[place] += int(judged["broken"].sum())
            for column in costs:
                costs[column] += int(unit[column].sum())
            self.progress.advance(len(wave), int(judged["broken"].sum()))
        self._note_dead(top.threat, stage, costs.pop("dead"), costs["backwards"])
        about: dict[str, Any] = {"attack": stage.name, "settings": repr(stage.attack), "tried": len(standing)}
        paid = {**costs, "seconds": time.perf_counter() - began}
        for rung, fell in zip(ladder, broken, strict=True):
            bill = paid if rung is top else {**dict.fromkeys(paid, 0), "proposed": fell}
            self.ledger.append({**about, "threat": rung.threat.name, "broken": fell, **bill})
        return broken[-1] / len(standing)

    def _note_dead(self, threat: ThreatModel, stage: Stage, dead: int, backwards: int) -> None:
        if dead > _DEAD * backwards:
            self.notes.append(
                f"{threat.name}: {dead / backwards:.0%} of the gradients that {stage.name} was given are zero or no "
                f"numbers and {POINT_NOWHERE}, so what stands may not be robust; `unfooled doctor` looks for the cause"
            )


def _under(unit: Unit, prefix: str) -> Unit:
    return {name.removeprefix(prefix): column for name, column in unit.items() if name.startswith(prefix)}
