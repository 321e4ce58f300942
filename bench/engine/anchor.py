"""Nets whose gradients mislead, and honest ones: what the diagnosis says of either, and what it costs."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine._nets import net, points
from engine.strength import references
from peers._env import enter
from promise import promise

import unfooled
from unfooled.diagnose import diagnose

MASKED = {("mnist_masked", 0.3), ("mnist_masked", 0.27), ("mnist_fgsm", 0.1)}
"""Where PGD-40 leaves 9 points or more above AutoAttack; fm_masked and others in between are neither."""

HONEST = {
    ("fm_at", 0.1),
    ("mnist_at", 0.27),
    ("fm_trades", 0.1),
    ("mnist_l2", 2.0),
    ("mlp_at", 0.2),
    ("signs_at", 8 / 255),
}
ROWS = 1000


def main() -> None:
    enter()
    torch.set_num_threads(1)
    for found in references():
        case = found["net"], found["radius"]
        if case not in MASKED | HONEST:
            continue
        n = min(ROWS, len(found["robust"]))
        x, y = points(found["net"], n)
        threat = f"{found['norm']}:{found['radius']!r}"
        results = unfooled.audit(net(found["net"]), (x, y), threat, "standard", batch=32, prepare="off", keep="none")
        verdict = diagnose(results)
        named = [finding.check for finding in verdict.findings if finding.severity in ("hard", "soft")]
        masked = "masked gradients" in named
        bill = results.run["measurements"]["bill"]
        paid = sum(sum(one[kind] for kind in ("queries", "forwards", "backwards")) for one in bill)
        share = paid / (n * (found["forwards"] + found["backwards"]) / len(found["robust"]))
        wanted = case in MASKED
        promise(
            f"Diagnosis of {found['net']} at {threat[:9]}, {n} points, which is {'masked' if wanted else 'honest'}",
            f"{verdict.verdict}: {', '.join(named) or 'nothing found'}; {share:.1%} of AutoAttack's passes",
            "masked gradients, for <= 2 %" if wanted else "no masked gradients, no hard finding",
            (masked and share <= 0.02) if wanted else not masked and verdict.verdict != "unreliable",
        )  # fmt: skip


if __name__ == "__main__":
    main()
