"""The closed form of AutoAttack's bill, beside what its authors' code asked in every run that was recorded."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._models import HOME
from engine._nets import NETS
from engine._signs import CLASSES
from promise import promise

from unfooled.core.autoattack import autoattack_passes

FEW, LED = 20, 0.1
"""Survivors below which a bill is too small to matter; the share of them that Square broke where it led."""


def standing(found: dict[str, Any]) -> list[int]:
    """Read how many were read rightly at first and after each attack; one that had nobody left was not run."""
    n = len(found["robust"])
    shares = [re.search(r": ([\d.]+)%", stage["after"]) for stage in found["stages"]]
    left = [found["clean"].count("1"), *(round(n * float(share[1]) / 100) for share in shares if share)]
    return left + (5 - len(left)) * left[-1:]


def main() -> None:
    errors: dict[str, list[float]] = {"known": [], "ends": [], "hard": []}
    for path in sorted((HOME / "autoattack").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        left, n = standing(found), len(found["robust"])
        k = CLASSES if NETS[found["net"]].source == "signs" else 10
        asked = found["forwards"] + found["backwards"]
        errors["known"].append(sum(autoattack_passes(n, left, k)) / asked - 1)
        hard = left[-1] < FEW or left[-2] - left[-1] > LED * left[-2]
        ends = autoattack_passes(n, [left[0], *4 * [left[-1]]], k)
        errors["hard" if hard else "ends"].append(sum(ends) / asked - 1)
    for kind, what, most in (
        ("known", "from what each of its attacks left standing", 0.07),
        ("ends", "from clean and robust accuracy alone, where its white-box attacks led", 0.05),
        ("hard", f"from the same, where Square broke over {LED:.0%} of what it met or fewer than {FEW} are left", 0.30),
    ):
        far = max(errors[kind], key=abs)
        promise(
            f"AutoAttack's passes in closed form, {what}: {len(errors[kind])} recorded runs",
            f"median error {median(errors[kind]):+.1%}, worst {far:+.1%}",
            f"within {most:.0%}, never too many", abs(far) <= most and max(errors[kind]) <= 0,
        )  # fmt: skip


if __name__ == "__main__":
    main()
