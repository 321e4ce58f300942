"""Rounds of an audit: every attack of the suite, on one cohort of examples after another."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from unfooled.core.schema import POINT_NOWHERE
from unfooled.core.threat import SIGHTS, ThreatModel

from .books import Books
from .cohorts import LARGEST, Clock
from .hearing import learned
from .journal import Journal, Unit
from .plan import Plan
from .progress import Progress
from .sheet import COSTS, Clean, Sheet
from .stages import Stage
from .suites import meant_for, obstacle, runs_once, unlimited
from .threats import ladders, who_sees_more
from .wave import ask_clean, attack_wave

_NOBODY = np.zeros(0, dtype=np.int64)


class _Rung(NamedTuple):
    """One radius of a ladder."""

    threat: ThreatModel
    sheet: Sheet


@dataclass
class Rounds:
    """The state of the attacks.

    Attributes:
        plan: The audit.
        remedies: Plans of other attacks, which every cohort meets after the suite.
        journal: Remembers waves that a stopped run had finished.
        progress: Who is told.
        clock: When it is out, no new wave begins.
        sheets: What was found, one a threat.
        books: What it cost.
        not_run: What the clock kept from trying all examples that it was meant for.
    """

    plan: Plan
    journal: Journal
    progress: Progress
    clock: Clock
    sheets: list[Sheet] = field(init=False)
    books: Books = field(default_factory=lambda: Books({}, {}, {}, {}))
    remedies: list[Plan] = field(default_factory=list)
    not_run: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.plan.examples)
        self.sheets = [Sheet(n) for _ in self.plan.threats]
        self._label, self._sure = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
        self._scores: np.ndarray | None = None

    @property
    def clean(self) -> Clean:
        """What the model answers to clean examples; -1 to those that it was not asked about, which is no label."""
        return Clean(self._label, self._sure, self._label == self.plan.examples.y.numpy(), self._scores)

    def attack(self, cohort: np.ndarray) -> bool:
        """Send the suite and all remedies to examples `cohort` (r,); tells whether that ended before the clock did."""
        self._ask(cohort)
        for plan in (self.plan, *self.remedies):
            self._send(plan, cohort)
        return not self.not_run

    def remedy(self, plan: Plan, seen: np.ndarray) -> bool:
        """Send another plan's attacks to `seen` (r,) too, and to all cohorts to come; tells the same as `attack`."""
        self.remedies.append(plan)
        self._send(plan, seen)
        return not self.not_run

    @property
    def notes(self) -> list[str]:
        """What is to be said of the attacks; where stand-ins have gradients, nobody cares what the suite was given."""
        mended = any(plan.adapted is not None for plan in self.remedies)
        suite = {stage.name for stage in self.plan.stages}
        return [
            note for (_, stage), note in self.books.notes.items()
            if not (mended and stage in suite and POINT_NOWHERE in note)
        ]  # fmt: skip

    def all_tried(self, cohort: np.ndarray) -> bool:
        """Tell whether under each threat some attack tried each example of a cohort that there was to attack."""
        clean, y = self.clean, self.plan.examples.y
        pairs = zip(self.plan.threats, self.sheets, strict=True)
        asked = (self._label >= 0)[cohort].all()
        return bool(asked) and all(
            (sheet.broken | (sheet.asked > 0) | ~clean.correct | clean.reaching(threat.goal, y))[cohort].all()
            for threat, sheet in pairs
        )

    def take_back(self, books: Books) -> dict[str, Any]:
        """Return to earlier books; gives what was spent since."""
        now, self.books = self.books, books
        names = (*COSTS, "seconds")
        return {name: sum(row[name] for row in now.stages.values()) - sum(row[name] for row in books.stages.values())
                for name in names}  # fmt: skip

    def copied_books(self) -> Books:
        """Keep the books as they are now."""
        return deepcopy(self.books)

    def _ask(self, cohort: np.ndarray) -> None:
        plan = self.plan
        self.progress.begin("clean", "", len(cohort))
        for wave in plan.waves(cohort):
            if self.clock.out:
                self.not_run["clean"] = None
                return
            unit = learned(self.journal.recall(f"clean {' '.join(self._keys(wave))}", partial(ask_clean, plan, wave)))
            self._label[wave], self._sure[wave] = unit["label"], unit["confidence"]
            if "scores" in unit:
                if self._scores is None:
                    self._scores = np.zeros((len(plan.examples), plan.classes), dtype=np.float32)
                self._scores[wave] = unit["scores"]
            self.progress.advance(len(wave), 0)

    def _send(self, plan: Plan, cohort: np.ndarray) -> None:
        for ladder in ladders(plan.threats):
            rungs = [_Rung(plan.threats[index], self.sheets[index]) for index in ladder]
            self._ladder(plan, rungs, self.clean.of(cohort), len(cohort))
        for less, more in who_sees_more(self.plan.threats):
            self.sheets[more].carry(self.sheets[less])  # whoever sees more can do the same

    def _ladder(self, plan: Plan, ladder: list[_Rung], clean: Clean, of: int) -> None:
        """Attack so many examples at several radii, smallest first.

        An attack that looks for the nearest success runs once, at the largest radius, on all that it could still bring
        down at any; without a limit, on all. Then the others climb from below, and what fell is carried. At a single
        radius all run in the suite's order.
        """
        stages = {rung.threat.name: self._stages(plan, rung.threat, of) for rung in ladder}
        lowest, highest = ladder[0], ladder[-1]
        exposed = clean.correct & ~clean.reaching(highest.threat.goal, plan.examples.y)
        shared = runs_once([rung.threat for rung in ladder])
        for stage in stages[highest.threat.name]:
            if shared(stage):
                fallen = lowest.sheet.broken & ~unlimited(highest.threat.within)
                self._stage(plan, ladder, stage, clean, np.flatnonzero(exposed & ~fallen))
        for below, rung in zip([None, *ladder], ladder, strict=False):
            if below is not None:
                rung.sheet.carry(below.sheet)
            paid = 0.0
            for stage in stages[rung.threat.name]:
                if not shared(stage):
                    standing = np.flatnonzero(exposed & ~rung.sheet.broken) if stage.runs_after(paid) else _NOBODY
                    picked = self._picked(stage, rung.sheet, standing, of)
                    paid = self._stage(plan, [rung], stage, clean, picked)

    def _picked(self, stage: Stage, sheet: Sheet, standing: np.ndarray, of: int) -> np.ndarray:
        """Say on which of those that stand, of so many, a stage is spent."""
        picked: np.ndarray = standing[stage.among.pick(self._keys(standing), sheet.best["margin"][standing], of)]
        return picked

    def _keys(self, rows: np.ndarray) -> list[str]:
        return [self.plan.examples.keys[row] for row in rows.tolist()]

    def _stages(self, plan: Plan, threat: ThreatModel, of: int) -> list[Stage]:
        """Pick the attacks that can be used under a threat, for a cohort of so many; note why others cannot."""
        share = min(1.0, of / min(LARGEST, len(plan.examples))) if plan.may_end else 1.0
        usable = []
        for stage in meant_for(plan.stages, threat):
            why = obstacle(stage, threat)
            if why and stage.attack.needs > self.plan.most:
                why = f"the model can only be asked, and gives {SIGHTS[self.plan.most]} at most"
            if why:
                self.books.notes[threat.name, stage.name] = f"{threat.name}: {stage.name} was left out, since {why}"
            else:
                usable.append(stage._replace(among=stage.among.part(share)))
        return usable

    def _stage(self, plan: Plan, ladder: list[_Rung], stage: Stage, clean: Clean, standing: np.ndarray) -> float:
        """Let one attack try examples at the last of some radii, and enter what it finds at each of them.

        Returns the share of them that it broke.
        """
        if not len(standing):
            return 0.0
        began, top = time.perf_counter(), ladder[-1]
        self.progress.begin(top.threat.name, stage.name, len(standing))
        costs, broken, tried = dict.fromkeys((*COSTS, "proposed", "dead", "own"), 0), [0] * len(ladder), 0
        threats, rows = [rung.threat for rung in ladder], stage.rows(plan.batch, len(standing))
        for wave in plan.waves(standing):
            if self.clock.out:
                self.not_run[f"{top.threat.name}: {stage.name}"] = None
                break
            spent, on_pass = top.sheet.asked[wave], self.progress.passed
            ask = partial(attack_wave, clean=clean, spent=spent, rows=rows, on_pass=on_pass)
            name = f"{top.threat.name} {stage.name} {' '.join(self._keys(wave))}"
            unit = learned(self.journal.recall(name, partial(ask, plan, threats, stage, wave)))
            first, unknown = spent + unit["first"], np.full_like(spent, -1)  # it tells of the largest radius alone
            for place, rung in enumerate(ladder):
                judged = _under(unit, f"{place}/")
                rung.sheet.charge(wave, unit, billed=rung is top)
                rung.sheet.enter(stage.name, wave, judged, keep=plan.keep, first=first if rung is top else unknown)
                broken[place] += int(judged["broken"].sum())
            for column in costs:
                costs[column] += int(unit[column].sum())
            tried += len(wave)
            self.progress.advance(len(wave), int(judged["broken"].sum()))
        dead, own = costs.pop("dead"), costs.pop("own")
        paid = {**costs, "seconds": time.perf_counter() - began}
        for rung, fell in zip(ladder, broken, strict=True):
            bill = paid if rung is top else {**dict.fromkeys(paid, 0), "proposed": fell}
            self._book(rung.threat, stage, {"tried": tried, "broken": fell, **bill})
        self.books.note(top.threat.name, stage.name, dead, own)
        return broken[-1] / len(standing)

    def _book(self, threat: ThreatModel, stage: Stage, paid: dict[str, Any]) -> None:
        about = {"threat": threat.name, "attack": stage.name, "settings": repr(stage.attack)}
        row = self.books.stages.setdefault((threat.name, stage.name), about | dict.fromkeys(paid, 0))
        for column, amount in paid.items():
            row[column] += amount


def _under(unit: Unit, prefix: str) -> Unit:
    return {name.removeprefix(prefix): column for name, column in unit.items() if name.startswith(prefix)}
