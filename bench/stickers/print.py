"""On paper a toaster has the centimetres that were asked for, read from the page's own coordinates."""

from __future__ import annotations

import re
import sys
import tempfile
import zlib
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise

from unfooled.crafting.printing import save_print
from unfooled.crafting.sticker import Sticker
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

POINT = 72 / 2.54  # of a PDF, in a centimetre
WIDTHS = (5.0, 12.0, 25.0)
CLOSE = 0.01  # cm


def main() -> None:
    sticker = Sticker.of(torch.rand(3, 112, 112), Outline(), Scene(), {})
    with tempfile.TemporaryDirectory() as folder:
        found = [width(save_print(sticker, Path(folder) / "toaster.pdf", cm=cm)) for cm in WIDTHS]
    promise(
        "A sticker's width on a PDF page, where cm = " + ", ".join(f"{cm:g}" for cm in WIDTHS),
        ", ".join(f"{one:.3f} cm" for one in found),
        f"the stated width within {CLOSE} cm",
        all(abs(one - cm) <= CLOSE for one, cm in zip(found, WIDTHS, strict=True)),
    )


def width(pdf: Path) -> float:
    """Read the width at which the page draws its picture."""
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf.read_bytes(), re.DOTALL):
        try:
            page = zlib.decompress(stream)
        except zlib.error:
            continue
        drawn = re.search(rb"([\d.]+)\s0\s0\s-?[\d.]+\s[-\d.]+\s[-\d.]+\scm\s+/I\d+\sDo", page)
        if drawn:
            return float(drawn[1]) / POINT
    raise SystemExit("the page draws no picture")


if __name__ == "__main__":
    main()
