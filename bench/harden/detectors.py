"""Detectors on Fashion-MNIST: what they catch of who does not know of them, and what of who does, with false alarms.

To run a short version, in `bench/`: `python harden/detectors.py 60 4000`: examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._tried import Grounds, tried
from promise import promise

from unfooled.defences import DETECTORS

THREAT = "linf:0.1"


def main() -> None:
    n, learnt = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (200, 10_000)
    for row, figure in tried([*DETECTORS], Grounds("fashion_clean", "fashion-mnist", THREAT, n, learnt)):
        known, unknown = (row.knowing or 0) / row.n, row.ignorant / row.n
        met = known <= 0.05 and unknown >= 2 * known
        promise(f"fashion_clean with {row.name}, {THREAT}", figure, "known <= 5 %, unknown at least twice that", met)


if __name__ == "__main__":
    main()
