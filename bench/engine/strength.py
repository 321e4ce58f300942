"""The suite `standard` beside official AutoAttack: robust accuracy point by point, and what either pays."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import HOME
from engine._nets import net, points
from peers._env import enter
from promise import promise

import unfooled

SEEDS = (0, 1, 2)
ROWS = 128  # of a pass
AUDIT = ("sample", "targeted")
"""The stages that try a random sample of survivors harder, and all if any falls: their cost is told apart."""


class Case(NamedTuple):
    """One net and radius: what AutoAttack left (n,) and paid, and what each seed of ours left and paid an example."""

    name: str
    theirs: np.ndarray
    bill: tuple[float, float, float]  # passes, backwards, CPU seconds
    ours: list[np.ndarray]
    bills: list[tuple[float, float, float]]  # passes without and with the audit, backwards
    seconds: float  # of CPU an example, as a user runs it: searches on a prepared copy


def references() -> list[dict[str, Any]]:
    """Read what AutoAttack found, on the most points for each case; `engine/_autoattack.py` makes the files."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((HOME / "autoattack").glob("*.json"))]
    most = {(one["net"], one["norm"], one["radius"]): one for one in sorted(found, key=lambda one: len(one["robust"]))}
    return [most[case] for case in sorted(most)]


def measured(found: dict[str, Any]) -> Case:
    """Run ours on the same points."""
    from peers._measure import Counted

    n = len(found["robust"])
    x, y = points(found["net"], n)
    threat = f"{found['norm']}:{found['radius']!r}"
    ours, bills = [], []
    for seed in SEEDS:
        counted = Counted(net(found["net"]))
        results = unfooled.audit(
            counted, (x, y), threat, "standard", seed=seed, batch=ROWS, prepare="off", keep="none", diagnose=False
        )
        sheet = results[next(iter(results.threats))]
        ours.append(np.asarray(sheet.column("clean_correct"), dtype=bool) & ~sheet.broken)
        rows = [row for row in results.stages.to_pylist() if row["attack"] in AUDIT]
        audit = sum(row["forwards"] + row["backwards"] for row in rows) / n
        whole = (counted.forwards + counted.backwards) / n
        backwards = (counted.backwards - sum(row["backwards"] for row in rows)) / n
        bills.append((whole - audit, whole, backwards))
    began = time.process_time()
    unfooled.audit(net(found["net"]), (x, y), threat, "standard", batch=ROWS, keep="none", diagnose=False)
    seconds = (time.process_time() - began) / n
    theirs = np.array([digit == "1" for digit in found["robust"]])
    paid = (found["forwards"] + found["backwards"]) / n, found["backwards"] / n, found["seconds"] / n
    return Case(f"{found['net']} {found['norm']}:{found['radius']:.3g}, {n}", theirs, paid, ours, bills, seconds)


def say(case: Case) -> None:
    """Say how one case stands; a difference is that of the mean over seeds."""
    left = [flags.mean() for flags in case.ours]
    only_theirs = [int((flags & ~case.theirs).sum()) for flags in case.ours]
    only_ours = [int((~flags & case.theirs).sum()) for flags in case.ours]
    total = case.bill[0] / np.mean([bill[0] for bill in case.bills])
    promise(
        f"{case.name} points: robust accuracy of standard, {len(SEEDS)} seeds, beside AutoAttack's",
        f"{', '.join(f'{one:.1%}' for one in left)} beside {case.theirs.mean():.1%}; broken by AutoAttack alone "
        f"{only_theirs}, by ours alone {only_ours}; passes 1/{total:.0f}",
        "mean over seeds <= AutoAttack's", float(np.mean(left)) <= case.theirs.mean(),
    )  # fmt: skip


def main() -> None:
    enter()
    torch.set_num_threads(1)
    cases = []
    for found in references():
        case = measured(found)
        cases.append(case)
        say(case)
    missed = sum(int((flags & ~case.theirs).sum()) for case in cases for flags in case.ours)
    asked = sum(len(flags) for case in cases for flags in case.ours)
    promise(
        f"Points that only AutoAttack breaks, {len(cases)} cases, {len(SEEDS)} seeds",
        f"{missed} of {asked}", "<= 1 in 1,000", 1000 * missed <= asked,
    )  # fmt: skip
    for what, place, theirs, most, worst in (
        ("passes of the cascade alone", 0, 0, 60, 30),
        ("passes with the audit of a sample", 1, 0, 40, None),
        ("backwards of the cascade alone", 2, 1, 25, None),
        ("CPU time with the audit, prepared", None, 2, 45, None),
    ):
        paid = [case.seconds if place is None else np.mean([bill[place] for bill in case.bills]) for case in cases]
        shares = [case.bill[theirs] / ours for case, ours in zip(cases, paid, strict=True)]
        goal = f"median <= 1/{most}" + ("" if worst is None else f", worst <= 1/{worst}")
        promise(
            f"{what[0].upper()}{what[1:]}, as a share of AutoAttack's, {len(cases)} cases",
            f"median 1/{median(shares):.0f}, worst 1/{min(shares):.0f}",
            goal, median(shares) >= most and (worst is None or min(shares) >= worst),
        )  # fmt: skip


if __name__ == "__main__":
    main()
