"""Tape on 13% of a stop sign, in printers' colours, against the reader that it was learned on."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from signs._roadside import READERS, VIEWS, altered, passes_a_second, percent, reader, seen

from unfooled.crafting.rp2 import Rp2

GOALS = {"yield": 0.85, "speed limit 45": 0.60}
SECONDS = 15


def main() -> None:
    speed = passes_a_second()
    for target, goal in GOALS.items():
        made, seconds = altered(Rp2(mask="found", steps=400), target, reader(READERS[0]))
        hit, _, clean = seen(made, target, reader(READERS[0]))
        promise(
            f"Stop sign read as {target}: tape on {made.difference.area:.1%}, its place found, printable ({VIEWS})",
            f"{percent(hit)}; clean sign read in {clean.share:.0%}", f">= {goal:.0%}", hit.share >= goal,
        )  # fmt: skip
        promise(
            f"It is learned in CPU seconds of one thread ({target})",
            f"{seconds:.1f} s, where ResNet-8 makes {speed:.1f} passes of 64 a second",
            f"<= {SECONDS} s", seconds <= SECONDS,
        )  # fmt: skip


if __name__ == "__main__":
    main()
