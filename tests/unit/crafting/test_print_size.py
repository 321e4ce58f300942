"""On paper a sticker has the width that was asked for, read from the page's own coordinates."""

import re
import zlib
from pathlib import Path

import pytest
import torch

from unfooled.crafting.printing import save_print
from unfooled.crafting.sticker import Sticker
from unfooled.scenes.outlines import Outline
from unfooled.scenes.scene import Scene

POINT = 72 / 2.54  # of a PDF, in a centimetre


def drawn(pdf: Path) -> tuple[float, float]:
    """Read the width and height in cm at which a page draws its picture."""
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf.read_bytes(), re.DOTALL):
        try:
            page = zlib.decompress(stream)
        except zlib.error:
            continue
        found = re.search(rb"([\d.]+)\s0\s0\s-?([\d.]+)\s[-\d.]+\s[-\d.]+\scm\s+/I\d+\sDo", page)
        if found:
            return float(found[1]) / POINT, float(found[2]) / POINT
    raise AssertionError("no picture on the page")


@pytest.mark.parametrize(("outline", "cm", "high"), [("circle", 12, 12), ("rectangle:2", 10, 5), ("square", 25, 25)])
def test_width_on_paper(outline: str, cm: float, high: float, tmp_path: Path) -> None:
    sticker = Sticker.of(torch.rand(3, 8, 8), Outline.named(outline), Scene(), {})
    assert drawn(save_print(sticker, tmp_path / "s.pdf", cm=cm)) == pytest.approx((cm, high), abs=0.02)
