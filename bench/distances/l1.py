"""L1: the smallest change that fools, at 200 gradient steps, beside the best peer at its defaults."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from distances._norm import Bar, compared
from peers._env import enter

BARS = [Bar("boundary-walk", {"steps": 200}, 200, slack=0.02)]

if __name__ == "__main__":
    enter()
    compared("l1", ("mnist_clean", "mnist_l2"), BARS)
