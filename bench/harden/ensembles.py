"""Ensembles on Fashion-MNIST beside one net that was trained alike: attacks on one net miss them, others do not.

To run a short version, in `bench/`: `python harden/ensembles.py 60 5000`: examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._tried import Grounds, tried
from promise import promise

THREAT, ONE = "linf:0.1", "standard"


def main() -> None:
    n, learnt = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (100, 20_000)
    grounds = Grounds("fashion_clean", "fashion-mnist", THREAT, n, learnt, fresh=True)
    (one, told), *rest = tried([ONE, "ensemble", "ensemble-diverse"], grounds)
    alone = (one.knowing or 0) / n
    for row, figure in rest:
        known, unknown = (row.knowing or 0) / n, row.ignorant / n
        promise(
            f"Fashion-MNIST ({learnt:,} learnt from), {row.name} of three nets, {THREAT}",
            f"{figure} One net: {told}", "known <= that of one net + 5 points, unknown >= known + 15 points",
            known <= alone + 0.05 and unknown >= known + 0.15,
        )  # fmt: skip


if __name__ == "__main__":
    main()
