"""The article's defences, each against an attacker who does not know of it and against one who does, on MNIST.

To run a short version, in `bench/`: `python harden/article.py 60 3000`: examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._tried import Grounds, tried
from promise import promise

THREAT = "linf:0.15"
BROKEN = ("jpeg:quality=10", "distillation", "stairs", "temperature")
TRAINED = "pgd-at"


def main() -> None:
    n, learnt = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (200, 20_000)
    for row, figure in tried([*BROKEN, TRAINED], Grounds("mnist_clean", "mnist", THREAT, n, learnt)):
        known, unknown = (row.knowing or 0) / row.n, row.ignorant / row.n
        if row.name == TRAINED:
            met, goal = known >= 0.85 * unknown, "known >= 85 % of unknown"
        else:
            met, goal = unknown >= 0.3 and known <= 0.05, "unknown >= 30 %, known <= 5 %"
        promise(f"mnist_clean with {row.name}, {THREAT}", figure, goal, met)


if __name__ == "__main__":
    main()
