"""The columns of one threat while the audit fills them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from unfooled.core.answer import Answer, Labels, Scores
from unfooled.core.schema import RECORDS
from unfooled.core.threat import Goal, ThreatModel

from .examples import Examples
from .journal import Unit

COSTS = ("queries", "forwards", "backwards")


@dataclass(frozen=True)
class Clean:
    """What the model answers to clean examples, (n,) each; scores (n, k) or None where it gives labels only."""

    label: np.ndarray
    confidence: np.ndarray
    correct: np.ndarray
    scores: np.ndarray | None

    def of(self, rows: np.ndarray) -> Clean:
        """Forget that the model reads others rightly than examples `rows` (r,)."""
        inside = np.zeros_like(self.correct)
        inside[rows] = True
        return replace(self, correct=self.correct & inside)

    def reaching(self, goal: Goal, y: Tensor) -> np.ndarray:
        """Tell which examples reach a goal unchanged, such as a picture of the class it should become, (n,) bool."""
        known = self.scores
        answer: Answer = Labels(torch.from_numpy(self.label)) if known is None else Scores(torch.from_numpy(known))
        return np.asarray(goal.reached(answer, y).numpy())


@dataclass
class Sheet:
    """One threat's rows, (n,) each.

    Attributes:
        attack: Name of the attack that broke each example by the smallest change; None where it stands.
        first: Answers asked about each example until it first fell, as far as known; -1 elsewhere.
        asked: Answers that count towards the threat's budget, also where another radius is billed for them.
        costs: What is billed to this threat: queries, forwards, backwards.
        best: Columns about the best proposal so far: adv_label, adv_confidence, distance, margin.
        stored: Proposals worth keeping by example, as the carrier packs them.
    """

    n: int
    broken: np.ndarray = field(init=False)
    broken_float32: np.ndarray = field(init=False)
    attack: list[str | None] = field(init=False)
    first: np.ndarray = field(init=False)
    asked: np.ndarray = field(init=False)
    costs: dict[str, np.ndarray] = field(init=False)
    best: dict[str, np.ndarray] = field(init=False)
    stored: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.broken = np.zeros(self.n, dtype=bool)
        self.broken_float32 = np.zeros(self.n, dtype=bool)
        self.attack = [None] * self.n
        self.first = np.full(self.n, -1, dtype=np.int64)
        self.asked = np.zeros(self.n, dtype=np.int64)
        self.costs = {name: np.zeros(self.n, dtype=np.int64) for name in COSTS}
        self.best = {
            "adv_label": np.full(self.n, -1, dtype=np.int64),
            **{name: np.full(self.n, np.nan) for name in ("adv_confidence", "distance", "margin")},
        }

    def carry(self, smaller: Sheet) -> None:
        """Take over what fell at a smaller radius, or to somebody who sees less, and by less; it cost nothing here."""
        nearer = smaller.broken & (~self.broken | (smaller.best["distance"] < self.best["distance"]))
        self.broken |= smaller.broken
        self.broken_float32 |= smaller.broken_float32
        self.first = np.where(smaller.broken & (self.first < 0), smaller.first, self.first)
        for row in np.flatnonzero(nearer).tolist():
            self.attack[row] = smaller.attack[row]
            if row in smaller.stored:
                self.stored[row] = smaller.stored[row]
        for name, column in self.best.items():
            column[nearer] = smaller.best[name][nearer]

    def charge(self, index: np.ndarray, unit: Unit, *, billed: bool) -> None:
        """Write down what an attack asked about examples `index` (r,); an attack on several radii is billed to one."""
        self.asked[index] += unit["queries"] + unit["forwards"]
        if billed:
            for name in COSTS:
                self.costs[name][index] += unit[name]

    def enter(self, attack: str, index: np.ndarray, unit: Unit, *, keep: str, first: np.ndarray) -> None:
        """Write down verdicts on an attack's proposals for some of examples `index` (r,), as `judged_on` gives them.

        Broken ones stay broken, and of two successes the nearer one counts. `first` (r,) tells how many answers had
        been asked about each example when the attack first succeeded, -1 where that is not known.
        """
        fell = index[unit["row"][unit["broken"]]]
        fresh = ~self.broken[fell]
        self.first[fell[fresh]] = first[unit["row"][unit["broken"]]][fresh]
        index = index[unit["row"]]
        self.broken_float32[index] |= unit["broken_float32"]
        for place, row in enumerate(index.tolist()):
            broke = bool(unit["broken"][place])
            if not self._improves(row, broke, float(unit["distance"][place]), float(unit["margin"][place])):
                continue
            for name, column in self.best.items():
                column[row] = unit[name][place]
            if broke:
                self.broken[row], self.attack[row] = True, attack
            packed = unit.get(f"x_adv/{unit['row'][place]}")
            if packed is not None and (broke or keep == "all"):
                self.stored[row] = packed

    def rows(self, threat: Mapping[str, Any], clean: Clean, names: Mapping[str, list[Any]]) -> pa.Table:
        """Make the rows of the results table; `names` gives the columns example, key, name and y."""
        unseen = self.best["adv_label"] < 0
        columns = {
            "threat": [threat["name"]] * self.n,
            "radius": [threat["radius"]] * self.n,
            **names,
            "clean_label": clean.label,
            "clean_confidence": _nullable(clean.confidence.astype(np.float32)),
            "clean_correct": clean.correct,
            "broken": self.broken,
            "broken_float32": self.broken_float32,
            "attack": self.attack,
            "adv_label": pa.array(self.best["adv_label"], mask=unseen),
            "adv_confidence": _nullable(self.best["adv_confidence"].astype(np.float32)),
            "distance": _nullable(self.best["distance"]),
            "margin": _nullable(self.best["margin"]),
            **self.costs,
            "asked": pa.array(self.first, mask=self.first < 0),
        }
        return pa.table([pa.array(columns[column.name], type=column.type) for column in RECORDS], schema=RECORDS)

    def _improves(self, row: int, broke: bool, distance: float, margin: float) -> bool:
        """Tell whether a proposal is the best so far: the nearest success, or before the first one the closest to it.

        One outside the set (margin -inf) beats only none.
        """
        known, unseen = self.best["margin"][row], self.best["adv_label"][row] < 0
        if broke or self.broken[row]:
            return broke and not (self.broken[row] and distance >= self.best["distance"][row])
        if unseen or margin == -np.inf:
            return bool(unseen)
        return bool(np.isnan(known) or known == -np.inf or margin > known)


def kept(
    pairs: Sequence[tuple[ThreatModel, Sheet]], examples: Examples, keep: str, looked_at: np.ndarray
) -> dict[str, np.ndarray]:
    """Gather the pictures that a run keeps of the rows `looked_at`, by the names under which its folder stores them."""
    inside = set(looked_at.tolist())
    tensors = {
        f"x_adv/{threat.name}/{examples.keys[row]}": packed
        for threat, sheet in pairs
        for row, packed in sheet.stored.items()
        if row in inside
    }
    changed = {row for _, sheet in pairs for row in sheet.stored}
    rows = sorted(inside if keep == "all" else inside & changed)
    return tensors | {f"x/{examples.keys[row]}": examples.stored(row) for row in rows}


def _nullable(column: np.ndarray) -> pa.Array:
    return pa.array(column, mask=~np.isfinite(column))
