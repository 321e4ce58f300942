"""Nets whose gradients mislead, and honest ones: what the diagnosis says of either, and what it costs.

Which is which is measured, not chosen: PGD of 100 steps of a tenth of the radius leaves some points more than
AutoAttack. Above 4 in a hundred a net masks, up to 2.7 it is honest, as such nets were told apart elsewhere; in between
neither.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine._nets import net, points
from engine.strength import references
from peers._env import enter
from promise import promise

import unfooled
from unfooled.diagnose import diagnose

MASKED, HONEST = 0.04, 0.027
MOST = 0.02  # of AutoAttack's passes


def overlooked(found: dict[str, Any], threat: str) -> float:
    """Tell by how much patient small steps overrate a net, beside AutoAttack, as a share of all points."""
    x, y = points(found["net"], len(found["robust"]))
    judged = net(found["net"])
    fell = unfooled.attack(judged, x, y, "pgd", threat, steps=100, step=0.1).reached
    with torch.no_grad():
        right = judged(x).argmax(dim=1) == y
    return float((right & ~fell).float().mean()) - found["robust"].count("1") / len(found["robust"])


def main() -> None:
    enter()
    torch.set_num_threads(1)
    for found in references():
        n, threat = len(found["robust"]), f"{found['norm']}:{found['radius']!r}"
        gap = overlooked(found, threat)
        kind = "masked" if gap > MASKED else "honest" if gap <= HONEST else "in between"
        x, y = points(found["net"], n)
        results = unfooled.audit(net(found["net"]), (x, y), threat, "standard", batch=32, prepare="off", keep="none")
        verdict = diagnose(results)
        named = [finding.check for finding in verdict.findings if finding.severity in ("hard", "soft")]
        bill = results.run["measurements"]["bill"]
        paid = sum(sum(one[kind] for kind in ("queries", "forwards", "backwards")) for one in bill)
        share = paid / (found["forwards"] + found["backwards"])
        told, sound = "masked gradients" in named, verdict.verdict != "unreliable"
        goal, met = {
            "masked": ("masked gradients, for <= 2 %", told and share <= MOST),
            "honest": ("no masked gradients, no hard finding", sound and not told),
            "in between": ("no hard finding", sound),
        }[kind]
        promise(
            f"Diagnosis of {found['net']} at {threat[:9]}, {n} points: {kind}, small steps leave {100 * gap:+.1f}",
            f"{verdict.verdict}: {', '.join(named) or 'nothing found'}; {share:.1%} of AutoAttack's passes",
            goal, met,
        )  # fmt: skip


if __name__ == "__main__":
    main()
