"""Tape learned on three readers of different kinds, judged on the fourth: each of the four left out once."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from signs._roadside import READERS, VIEWS, altered, reader, seen

from unfooled.crafting.rp2 import Rp2

TARGET, GOAL = "yield", 0.40


def main() -> None:
    found = {}
    for left in READERS:
        names = [one for one in READERS if one != left]
        made, _ = altered(Rp2(mask="found", steps=250), TARGET, *map(reader, names))
        found[left] = seen(made, TARGET, reader(left))[0].share
    listed = ", ".join(f"{name.removeprefix('zoo:')} {share:.0%}" for name, share in found.items())
    mean = sum(found.values()) / len(found)
    promise(
        f"Stop sign read as {TARGET} by a reader left out, tape learned on the other three ({VIEWS}), mean",
        f"{mean:.0%} ({listed})", f">= {GOAL:.0%}", mean >= GOAL,
    )  # fmt: skip


if __name__ == "__main__":
    main()
