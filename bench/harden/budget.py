"""Fashion-MNIST, a small SiLU network, linf:0.1: the fast recipe against dear ones that get four times the time.

The budgets are 5 and 20 CPU minutes of one thread. Short, in `bench/`: `python harden/budget.py 0.1 100 8000`:
minutes of the fast recipe, examples audited, examples learnt from.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from harden._trained import Plan, by_share, hardened, judged
from promise import promise

FAST, OTHER, DEAR = "pgd-3", "n-fgsm", ("pgd-at", "trades", "awp")
LONGER = 4


def main() -> None:
    given = [float(word) for word in sys.argv[1:4]] or [5.0, 1000, 60_000]
    minutes, n, learnt = given[0], int(given[1]), int(given[2])
    reached = {}
    for name in (FAST, OTHER, *DEAR):
        plan = Plan(name, "fashion-mnist", 0.1, minutes * (LONGER if name in DEAR else 1), learnt)
        _, reached[name] = judged(hardened(plan), plan, n)
    best = max(DEAR, key=reached.__getitem__)
    promise(
        f"Fashion-MNIST ({learnt:,} learnt from), SiLU, linf:0.1, {n} audited: {FAST} and {OTHER} in {minutes:g} "
        f"CPU min, {', '.join(DEAR)} in {LONGER * minutes:g}",
        by_share(reached),
        f"within 2 points of the best of the dear ones ({best})", reached[FAST] >= reached[best] - 0.02,
    )  # fmt: skip


if __name__ == "__main__":
    main()
