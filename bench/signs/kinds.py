"""Other ways to alter a stop sign: bars, rectangles, graffiti, black and white, a faint poster, a shadow."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise
from signs._roadside import READERS, VIEWS, altered, percent, reader, seen

from unfooled.crafting.rp2 import BLACK_WHITE, Rp2
from unfooled.crafting.shadow import Shadow

KINDS = {
    "two bars": (Rp2(mask="bars", steps=400), "yield"),
    "four rectangles": (Rp2(mask="rectangles", steps=400), "yield"),
    "graffiti": (Rp2(mask="graffiti", steps=400), "yield"),
    "graffiti, any wrong answer": (Rp2(mask="graffiti", steps=400), None),
    "found, black and white": (Rp2(mask="found", palette=BLACK_WHITE, steps=400), "yield"),
    "poster, colours within 0.1 of the sign's": (Rp2(mask="poster", palette=(), faint=0.1), "yield"),
    "shadow, any wrong answer": (Shadow(), None),
}


def main() -> None:
    for name, (crafter, target) in KINDS.items():
        made, seconds = altered(crafter, target, reader(READERS[0]))
        hit, lost, _ = seen(made, target, reader(READERS[0]))
        area, similarity, colour = made.difference
        promise(
            f"Stop sign, {name} ({VIEWS})",
            f"{target or 'wrong'} {percent(hit)}, not stop {lost.share:.0%}; {area:.0%} of the sign, SSIM "
            f"{similarity:.2f}, colour difference {colour:.0f}; {seconds:.0f} CPU s",
            "the figure", True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
