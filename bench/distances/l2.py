"""L2: the smallest change that fools, beside DDN and ALMA of adv-lib at their defaults."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._norm import Bar, compared
from peers._env import enter

BARS = [
    Bar("ddn", {"steps": 60}, 60, ("adv-lib DDN 100",)),
    Bar("boundary-walk", {"steps": 250}, 250, ("adv-lib ALMA 1000",)),
]

if __name__ == "__main__":
    enter()
    compared("l2", ("mnist_clean", "mnist_l2"), BARS)
