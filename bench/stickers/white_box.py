"""A toaster on EfficientNet-Lite0, by size, on photographs that it was not learned from."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from stickers._kitchen import LITES, crafted, passes_a_second, percent, tried

GOALS = {0.10: 0.30, 0.15: 0.90, 0.20: 0.97}
SECONDS = 120


def main() -> None:
    speed = passes_a_second()
    learned = crafted(LITES[:1], seed=0)
    for area, goal in GOALS.items():
        found = tried(learned.sticker, LITES[0], area)
        promise(
            f"Toaster on EfficientNet-Lite0 at {area:.0%} of the picture, 20 other photographs x 4 places, white box",
            percent(found), f">= {goal:.0%}", found.hit.share >= goal,
        )  # fmt: skip
    promise(
        f"It is learned in CPU seconds of one thread ({learned.backwards} pictures forwards and backwards)",
        f"{learned.cpu_seconds:.0f} s, where ResNet-8 makes {speed:.1f} passes of 64 a second",
        f"<= {SECONDS} s", learned.cpu_seconds <= SECONDS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
