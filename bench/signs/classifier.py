"""A small net learns to read signs from renders alone, and reads them before backgrounds that it never saw."""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from signs._roadside import passes_a_second

from unfooled.core.seeds import Draws
from unfooled.scenes.roadside import Roadside
from unfooled.zoo.signs.artwork import CLASSES
from unfooled.zoo.signs.grounds import for_judging, for_learning, grounds
from unfooled.zoo.signs.learning import accuracy, learned, normalised
from unfooled.zoo.signs.renders import WIDE, faces, renders
from unfooled.zoo.signs.weights import LESSONS

JUDGED, SECONDS, RENDER = 1920, 120, 2.0
CROPS = (0.65, 0.75, 0.88, 1, 1.25, 1.5, 1.8, 2.2)


def stops_read(net: nn.Module, low: float, high: float, n: int = 600) -> float:
    """Judge a net on stop signs alone, before backgrounds that it never saw, in crops of these sizes."""
    behind, drawn = grounds(n, 1007, for_judging()), faces()[CLASSES.index("stop")]
    shown = drawn.repeat(n // len(drawn), 1, 1, 1)
    x = Roadside(loose=(low, high), shift=0.1).shown(shown, behind, Draws.of(4, "crops"))
    with torch.no_grad():
        return float((net(normalised(x)).argmax(dim=1) == CLASSES.index("stop")).float().mean())


def main() -> None:
    behind = grounds(192, 1, for_learning())
    renders(behind, Draws.of(0, "warm"))
    start = time.process_time()
    renders(behind, Draws.of(0, "bench"))
    each = (time.process_time() - start) / len(behind) * 1000
    promise("A render, CPU milliseconds of one thread", f"{each:.2f} ms", f"<= {RENDER:g} ms", each <= RENDER)
    speed = passes_a_second()
    start = time.process_time()
    net = learned("signs", LESSONS)
    seconds = time.process_time() - start
    usual = accuracy(net, JUDGED, Roadside())
    worse = accuracy(net, JUDGED, WIDE)
    promise(
        f"zoo:signs reads {len(CLASSES)} signs on {JUDGED} renders, 16-32 px, up to 45 degrees, unseen backgrounds",
        f"{usual:.2%} (in weather as bad as it learned in, 12-48 px: {worse:.1%})", ">= 99%", usual >= 0.99,
    )  # fmt: skip
    read = {f"{low:g}-{high:g}": stops_read(net, low, high) for low, high in pairwise(CROPS)}
    promise(
        "It reads a stop sign in crops whose side is so many times the sign's, 600 unseen renders each",
        ", ".join(f"{crop} {share:.1%}" for crop, share in read.items()), ">= 95%", min(read.values()) >= 0.95,
    )  # fmt: skip
    promise(
        "It learns in CPU seconds of one thread, renders included",
        f"{seconds:.0f} s, where ResNet-8 makes {speed:.1f} passes of 64 a second",
        f"<= {SECONDS} s", seconds <= SECONDS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
