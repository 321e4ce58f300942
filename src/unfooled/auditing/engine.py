"""The audit: each attack of a suite sees what the ones before it left standing, and the referee decides."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from unfooled.core import folder
from unfooled.core.attack import Attack
from unfooled.core.errors import UnfinishedError
from unfooled.core.evidence import Evidence
from unfooled.core.results import Results
from unfooled.core.schema import STAGES
from unfooled.core.target import Access
from unfooled.core.threat import Ball
from unfooled.core.transcripts import listed
from unfooled.core.writing import Writer
from unfooled.models.black_box import BlackBox, sent_note
from unfooled.models.prepare import Preparation

from .cohorts import DIAGNOSED, Clock, cohorts
from .journal import Journal
from .plan import Plan, describe_threat
from .planned import planned
from .progress import Progress, Silent
from .remedies import Audited, remedied
from .rounds import Rounds
from .sheet import kept
from .stages import Stage
from .threats import Threats


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
    budget: int | str | None = None,
    until: str | None = None,
    access: Access | None = None,
    keep: str = "broken",
    prepare: Preparation = "on",
    diagnose: bool = True,
    surrogates: Sequence[object] = (),
    starts: str | Path | Tensor | None = None,
    knowledge: bool = False,
    progress: Progress | None = None,
    note: dict[str, Any] | None = None,
) -> Results:
    """Audit a model: who can fool it, on which examples, at what cost.

    Args:
        model: A torch module from pictures in [0, 1] to class scores, in eval mode, or an adapter (`unfooled.wrap`).
        data: (x, y) tensors, an iterable of such batches, or a path: a folder per class, a CSV, an npz; a list
            of texts with labels, or a table of both.
        threats: What the attacker may do: `"linf:4/255"`, `unfooled.l2(3)`, `"linf:1/255,2/255"`, or a list of such.
        suite: A suite's name, or attacks by name or as values.
        batch: Rows of every pass. Answers do not depend on the examples' order or on resuming, nor on sharding where
            all stages are for everyone; across batch sizes they agree but where a margin is smaller than 1e-4.
        seed: Of all randomness, 0 or more.
        device: Where the passes run; None for where the model is.
        out: Folder to write the run to; None keeps it in memory.
        resume: Go on with an unfinished run in `out`, or with one that ended early.
        budget: What may be spent. A number is the most answers that the attacker may ask for one example (None: each
            threat's own). Text such as `"90s"`, `"10min"` or `"2h"` is time: when it is up, no new wave begins, and
            results are of the examples that were examined in full, a random sample. `"1000,10min"` is both.
        until: What is enough: `"3%"`, each robust accuracy to plus or minus three points, or a requirement of the gate
            such as `"robust_accuracy>=0.40"` that is decided either way. Then too results are of a random sample.
        access: What the attacker sees; None for each threat's own.
        keep: Which pictures the run keeps: `none`, `broken` or `all`.
        prepare: What attacks search with: "on" for a private copy that is cheaper and answers alike, "bf16" for one in
            bfloat16, "compiled" for one through torch.compile, "off" for the model itself, which judges in any case.
        diagnose: Whether to measure, where attacks used gradients, if the figures can be believed, and to attack again
            by what the findings call for: see `unfooled.diagnose`.
        surrogates: Models that the attacker owns and climbs freely, in their place: given like `model`.
        starts: Pictures of the attacker's own, a folder or (p, c, h, w), where searches by labels may begin.
        knowledge: Whether to put each threat also to attackers who see less, down to labels alone, over the same
            examples. What falls to somebody who sees less counts for whoever sees more, since they can do the same.
        progress: Who is told how it is coming along.
        note: What to add to the run's description, such as the command; plain JSON values.

    Raises:
        InputError: Data, labels, threats or settings cannot be used.
        ModelError: The model cannot be audited as it is.
        AccessError: The model can only be asked, and all that is to be run wants more.
        UnreachableError: Such a model does not answer any more; with `out`, what is finished is kept for `resume`.
        RunError: `out` holds another run.
        UnfinishedError: The time was up before there was anything to tell.
    """
    plan = planned(
        model, data, threats, suite, batch=batch, seed=seed, device=device, budget=budget, until=until, access=access,
        keep=keep, prepare=prepare, diagnose=diagnose, surrogates=surrogates, starts=starts, knowledge=knowledge,
    )  # fmt: skip
    path = None if out is None else Path(out)
    journal = Journal(path, plan.settings, resume=resume)
    if path is not None and (path / folder.RUN).is_file():
        held = folder.load(path)
        if "ended" not in held.run:
            journal.close()
            return held
    results = _Run(plan, journal, progress or Silent(), note or {}).results()
    if path is not None:
        folder.save(results, path)
    if "ended" not in results.run:
        journal.close()
    return results


@dataclass
class _Run:
    """The state of one audit.

    Attributes:
        plan: What it is to do.
        journal: Remembers what a stopped run had finished.
        progress: Who is told.
        note: What to add to the run's description.
        clock: Says when the time is up.
        rounds: Its attacks.
        looked_at: Examples that are part of the results, (r,).
        ended: Why and where it ended early, as `run["ended"]` says; empty where it did not.
        evidence: What a diagnosis needs; None until it is gathered.
        diagnosed: Whether all of that was gathered, and its remedies were carried out.
    """

    plan: Plan
    journal: Journal
    progress: Progress
    note: dict[str, Any]
    clock: Clock = field(init=False)
    rounds: Rounds = field(init=False)
    looked_at: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ended: dict[str, Any] = field(default_factory=dict)
    evidence: Evidence | None = None
    diagnosed: bool = False

    def __post_init__(self) -> None:
        self.clock = Clock.of(self.plan.seconds)
        self.rounds = Rounds(self.plan, self.journal, self.progress, self.clock)

    def results(self) -> Results:
        began, created = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        plan, examples = self.plan, self.plan.examples
        self._walk()
        found = self._found()
        run = {
            **plan.settings,
            "data": {**plan.settings["data"], "notes": list(examples.notes)},
            "notes": self.rounds.notes,
            "created": created,
            "seconds": round(time.perf_counter() - began, 3),
            **self.note,
        }
        if isinstance(plan.model, BlackBox):
            run["notes"] += plan.model.remarks()
            if sent := plan.model.sent():
                run["sent"] = sent
                run["notes"].append(sent_note(sent))
        if isinstance(plan.model, Writer):
            labels = (found.records[name].to_pylist() for name in ("y", "clean_label", "adv_label"))
            run["transcripts"] = listed(chain.from_iterable(labels))
        if self.evidence is not None:
            run["measurements"] = self.evidence.as_json()
        if self.ended:
            run["ended"] = self.ended
        pairs = list(zip(plan.threats, self.rounds.sheets, strict=True))
        return Results(found.records, found.stages, run, kept(pairs, examples, plan.keep, self.looked_at))

    def _walk(self) -> None:
        """Examine cohort after cohort, until all are examined, the time is up, or what is known is enough."""
        plan, rounds, n = self.plan, self.rounds, len(self.plan.examples)
        enough, dropped = False, {}
        for cohort in cohorts(plan.examples.keys) if plan.may_end else [np.arange(n)]:
            books = rounds.copied_books()
            whole = rounds.attack(cohort)
            if not whole and len(self.looked_at):
                dropped = {"examples": len(cohort), **rounds.take_back(books)}
                rounds.not_run.clear()
                break
            if not whole and not rounds.all_tried(cohort):
                raise UnfinishedError(
                    "The time was up before an attack had tried any cohort of examples",
                    f"{plan.seconds:g} s for {len(cohort)} examples", "Give more; with --out, --resume goes on.",
                )  # fmt: skip
            self.looked_at = np.sort(np.concatenate([self.looked_at, cohort]))
            if not whole:
                break
            if plan.may_end and len(self.looked_at) >= DIAGNOSED:
                self._diagnose()
            if rounds.not_run:
                break
            enough = plan.until is not None and plan.until.met(self._found(), plan.limited)
            if enough:
                break
        self._diagnose()
        if plan.may_end:
            self.ended = self._ending(enough, dropped)

    def _diagnose(self) -> None:
        """Gather what a diagnosis needs and carry its remedies out, once; between cohorts or after the last one."""
        plan, rounds = self.plan, self.rounds
        if plan.diagnosed and self.evidence is None:
            self.evidence, self.diagnosed = remedied(Audited(plan, rounds, self.looked_at, self._found))

    def _ending(self, enough: bool, dropped: dict[str, Any]) -> dict[str, Any]:
        """Describe an audit that ended early, or might have: then figures were looked at on the way."""
        plan, seen, n = self.plan, len(self.looked_at), len(self.plan.examples)
        not_run = list(self.rounds.not_run)
        undiagnosed = plan.diagnosed and not self.diagnosed
        until = None if plan.until is None else plan.until.text
        if seen == n and not not_run and not undiagnosed and until is None:
            return {}
        out = not enough and (seen < n or bool(not_run) or undiagnosed)
        return {
            "by": "enough" if enough else "time" if out else "data",
            "seconds": plan.seconds, "until": until, "looked_at": seen, "of": n,
            "sequential": seen < n or until is not None, "not_run": not_run, "undiagnosed": undiagnosed,
            "dropped": dropped,
        }  # fmt: skip

    def _found(self) -> Results:
        """Give the tables of what is examined so far."""
        plan, examples, rounds = self.plan, self.plan.examples, self.rounds
        columns: dict[str, list[Any]] = {
            "example": examples.positions,
            "key": examples.keys,
            "name": examples.names,
            "y": examples.y.tolist(),
        }
        pairs = zip(plan.threats, rounds.sheets, strict=True)
        tables = [sheet.rows(describe_threat(threat), rounds.clean, columns) for threat, sheet in pairs]
        records = pa.concat_tables([table.take(self.looked_at) for table in tables])
        return Results(records, pa.Table.from_pylist(list(rounds.books.stages.values()), STAGES), {})
