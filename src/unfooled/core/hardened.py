"""What a defence bought and cost, as plain values: written by `harden`, read by reports. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import RunError
from .folder import write_atomically
from .rates import Interval, paired_difference, wilson

FILE = "harden.json"
BROKEN = ("D", "F")
"""Grades of defences that fell to attackers who knew of them."""

_POINTS = 0.02
"""Clean accuracy that may be lost before a sentence warns of it."""


@dataclass(frozen=True)
class Bill:
    """What a defence costs.

    Attributes:
        seconds: Of training; 0 where nothing is trained.
        passes: Forward and backward passes of one batch, where standard training has 1; 0 where nothing is trained.
        slower: Time of a training step over that of standard training; 0 where nothing is trained.
        inference: Time of an answer over that without the defence.
        watts: Power that was stated.
        energy: Of training, in kWh, at that power.
        money: Of training, at the prices that were stated.
        prices: Those prices, in words.
        currency: Of the money.
    """

    seconds: float
    passes: float
    slower: float
    inference: float
    watts: float
    energy: float
    money: float
    prices: str
    currency: str = "EUR"

    @property
    def told(self) -> str:
        """What training takes, in words; empty where nothing is trained."""
        if not self.passes:
            return ""
        return f"Training: {self.energy:.3g} kWh, {self.money:.3g} {self.currency} at {self.prices}."


@dataclass(frozen=True)
class Change:
    """A paired count of verdicts before and after: `won` hold only after, `lost` only before, of n."""

    won: int
    lost: int
    n: int

    @property
    def points(self) -> float:
        """By how much the share rose, -1 to 1."""
        return (self.won - self.lost) / self.n

    @property
    def interval(self) -> Interval:
        """95 % interval of that."""
        return paired_difference(self.won, self.lost, self.n)


def changed(before: np.ndarray, after: np.ndarray) -> Change:
    """Count what was won and lost, of verdicts (n,) bool on the same examples."""
    return Change(int((after & ~before).sum()), int((before & ~after).sum()), len(before))


@dataclass(frozen=True)
class Hardened:
    """What one defence did to one model, under one threat.

    Attributes:
        name: Of the defence, as `unfooled harden --recipe` takes it.
        kind: Where it acts.
        grade: Of the evidence for it in the literature.
        source: Of that evidence.
        mitigation: Its number in MITRE ATLAS.
        threat: Under which it was audited.
        n: Examples audited; none of them was trained on.
        clean_before: How many were read right before.
        robust_before: How many stood before.
        clean: How many are read right now.
        ignorant: How many stand now against an attacker who does not know of the defence.
        ignorant_by: What that attacker does.
        knowing: How many stand against one who does; None where not all attacks ran that must.
        missing: Names of these attacks.
        clean_change: Paired, of examples read right.
        robust_change: Paired, of examples that stand, knowing against before; None with `knowing`.
        verdict: What the diagnosis says of the audit by the knowing attacker.
        bill: What it costs.
        collapses: How often training collapsed and was rolled back.
        alarms: Of a detector, how many clean examples it rejects now; None of others.
        traffic: Inputs a day by which false alarms are told.
    """

    name: str
    kind: str
    grade: str
    source: str
    mitigation: str
    threat: str
    n: int
    clean_before: int
    robust_before: int
    clean: int
    ignorant: int
    ignorant_by: str
    knowing: int | None
    missing: tuple[str, ...]
    clean_change: Change
    robust_change: Change | None
    verdict: str
    bill: Bill
    collapses: int = 0
    alarms: int | None = None
    traffic: float = 0.0

    @property
    def alarm(self) -> str:
        """How often a detector rejects clean examples, in words; empty where nothing is rejected."""
        if self.alarms is None:
            return ""
        low, high = wilson(self.alarms, self.n)
        share = f"{self.alarms / self.n:.1%} ({low:.1%} to {high:.1%})"
        a_day = f"{self.traffic * self.alarms / self.n:,.0f} ({self.traffic * low:,.0f} to {self.traffic * high:,.0f})"
        return f"It rejects {share} of clean inputs: {a_day} false alarms a day at {self.traffic:,.0f} inputs a day."

    @property
    def advice(self) -> str:
        """What to do, in one sentence with its reason."""
        if self.robust_change is None or self.knowing is None:
            return f"Say nothing of it yet: it was not attacked by {', '.join(self.missing)}."
        low, _ = self.robust_change.interval
        left = f"{self.knowing:,} of {self.n:,} stand against an attacker who knows of it"
        if low <= 0:
            return f"Do not rely on it: {left}, and {self.robust_before:,} stand without it."
        without = f"{left}, where {self.robust_before:,} do without it"
        if self.kind == "activation":
            return f"An ingredient, no defence by itself: {without}. Train with it."
        if self.grade in BROKEN:
            return f"Doubt it: {without}, but it was broken elsewhere (grade {self.grade})."
        price = -self.clean_change.points
        but = f", at {100 * price:.1f} points of clean accuracy" if price > _POINTS else ""
        return f"It helps: {without}{but}."

    @property
    def recommended(self) -> bool:
        """Whether it is shown to help against an attacker who knows of it, here and in the literature."""
        shown = self.robust_change is not None and self.robust_change.interval.low > 0
        return shown and self.kind != "activation" and self.grade not in BROKEN


def front(rows: Sequence[Hardened]) -> list[Hardened]:
    """Pick the recommended ones that no other beats in clean accuracy, robust accuracy to the knowing and cost."""
    judged = [row for row in rows if row.recommended]

    def worth(row: Hardened) -> tuple[float, ...]:
        return row.clean, row.knowing or 0, -row.bill.seconds, -round(row.bill.inference, 1)

    def beaten(row: Hardened) -> bool:
        pairs = ((worth(other), worth(row)) for other in judged)
        return any(one != own and all(a >= b for a, b in zip(one, own, strict=True)) for one, own in pairs)

    return [row for row in judged if not beaten(row)]


def recommendation(rows: Sequence[Hardened]) -> str:
    """Say in one sentence which of the defences to take, and why."""
    best = max(front(rows), key=lambda row: row.knowing or 0, default=None)
    if best is None:
        return "None of these can be shown to help against an attacker who knows of it."
    kept = front(rows)
    others = ", ".join(f"{row.name} ({_better(row, best)})" for row in kept if row is not best)
    rest = f" On the Pareto front too, though less robust: {others}." if others else ""
    beaten = ", ".join(row.name for row in rows if row.recommended and row not in kept)
    off = f" Leave {beaten}: another is as good in accuracy and cost, and better in one of them." if beaten else ""
    return f"Take {best.name}. {best.advice}{rest}{off}"


def _better(row: Hardened, best: Hardened) -> str:
    """Say in what a defence is better than the most robust one."""
    ways = {
        f"{100 * (row.clean - best.clean) / row.n:.1f} points more clean accuracy": row.clean > best.clean,
        "less training": row.bill.seconds < best.bill.seconds,
        "faster answers": round(row.bill.inference, 1) < round(best.bill.inference, 1),
    }
    return ", ".join(way for way, holds in ways.items() if holds) or "as robust"


def save(rows: Sequence[Hardened], folder: Path) -> None:
    """Write what defences did into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FILE, json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def load(folder: Path) -> list[Hardened]:
    """Read what defences did.

    Raises:
        RunError: The folder holds nothing of the kind.
    """
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return [_read(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError("This folder holds no hardened model", f"{folder}: {error}", "Name one of harden.") from error


def _read(row: dict[str, Any]) -> Hardened:
    changed = None if row["robust_change"] is None else Change(**row["robust_change"])
    made = {"clean_change": Change(**row["clean_change"]), "robust_change": changed, "bill": Bill(**row["bill"])}
    return Hardened(**{**row, **made, "missing": tuple(row["missing"])})
