"""A sticker on paper: real size, a line to cut along, and colours to tell what printer and camera did to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from PIL import Image

from unfooled.core.errors import InputError

PAGES = {"A4": (21.0, 29.7), "A3": (29.7, 42.0), "A2": (42.0, 59.4), "A1": (59.4, 84.1), "A0": (84.1, 118.9)}
_MARGIN, _FOOT = 1.5, 4.5  # cm
_RULER = 10.0  # cm
_GREYS = tuple(np.linspace(0, 1, 6))
_COLOURS = tuple((r, g, b) for r in (0.0, 1.0) for g in (0.0, 1.0) for b in (0.0, 1.0))[1:7]
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 9, "pdf.compression": 6, "text.parse_math": False}


def write_print(
    path: str | Path, texture: np.ndarray, alpha: np.ndarray, cm: float, *, aspect: float = 1.0, oval: bool = True,
    title: str = "", dpi: int | None = None,
) -> Path:  # fmt: skip
    """Write a sticker for a printer: a PDF page, or a picture of the sticker alone.

    The page says how wide the sticker must be, has a ruler to check it by, and a strip of greys and colours: what they
    became on paper tells what the sticker's colours became.

    Args:
        path: A `.pdf`; or a `.png`, which has centimetres only at a resolution.
        texture: Colours, (c, s, t) uint8.
        alpha: Its form, (h, w) uint8, 0 for what is cut off.
        cm: Width of the sticker on paper, above 0.
        aspect: Its width over its height.
        oval: Whether the line to cut along is an oval; else it is the rectangle around it.
        title: What stands at the foot.
        dpi: Dots per inch of a PNG; a PDF needs none.

    Raises:
        InputError: The size fits on no page, a PNG has no resolution, or the path names neither.
    """
    place, (wide, high) = Path(path), page_for(cm, aspect)
    if place.suffix.lower() == ".png":
        if dpi is None:
            found = f"cm={cm:g} without dpi"
            raise InputError("Centimetres need a resolution in a PNG", found, "Give dpi=300, or write a .pdf.")
        return _write_png(place, _with_alpha(texture, alpha), (cm, cm / aspect), dpi)
    if place.suffix.lower() != ".pdf":
        raise InputError("A print is a .pdf or a .png", place.name, "Name it sticker.pdf.")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(wide / 2.54, high / 2.54))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(0, wide), ylim=(0, high))
        axes.set_axis_off()
        left, bottom = (wide - cm) / 2, _FOOT + (high - _FOOT - cm / aspect) / 2
        box = (left, left + cm, bottom, bottom + cm / aspect)
        axes.imshow(_with_alpha(texture, alpha), extent=box, aspect="auto", interpolation="none", zorder=1)
        axes.set(xlim=(0, wide), ylim=(0, high))
        line: dict[str, Any] = {"fill": False, "lw": 0.6, "ls": (0, (4, 3)), "ec": "black", "zorder": 2}
        if oval:
            axes.add_patch(Ellipse(((box[0] + box[1]) / 2, (box[2] + box[3]) / 2), cm, cm / aspect, **line))
        else:
            axes.add_patch(Rectangle((box[0], box[2]), cm, cm / aspect, **line))
        _foot(axes, wide, f"{title}\nCut along the dashed line. Printed at 100 %, it is {cm:g} cm wide.".strip())
        place.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(place, format="pdf", metadata={"CreationDate": None, "Title": title or None})
    return place


def page_for(cm: float, aspect: float = 1.0) -> tuple[float, float]:
    """Choose the smallest page that holds a sticker above the foot; gives its width and height in cm.

    Raises:
        InputError: The sticker has no width, or fits on no page.
    """
    if not cm > 0:
        raise InputError("A print has a width in centimetres", cm, "Give for example 12.")
    high = cm / aspect
    for page in PAGES.values():
        if cm + 2 * _MARGIN <= page[0] and high + 2 * _MARGIN + _FOOT <= page[1]:
            return page
    raise InputError("This fits on no page up to A0", f"{cm:g} x {high:g} cm", "Choose fewer centimetres.")


def _foot(axes: Any, wide: float, words: str) -> None:
    """Draw a ruler, the strip of greys and colours, and what is to be said."""
    for tick in range(int(_RULER) + 1):
        x = _MARGIN + tick
        axes.plot((x, x), (_MARGIN + 1.6, _MARGIN + (2.0 if tick % 5 == 0 else 1.8)), color="black", lw=0.6)
    axes.plot((_MARGIN, _MARGIN + _RULER), (_MARGIN + 1.6,) * 2, color="black", lw=0.6)
    axes.text(_MARGIN + _RULER + 0.3, _MARGIN + 1.6, f"{_RULER:g} cm", va="bottom")
    strip = [(grey, grey, grey) for grey in _GREYS] + list(_COLOURS)
    side = (wide - 2 * _MARGIN) / len(strip)
    for i, colour in enumerate(strip):
        axes.add_patch(
            Rectangle((_MARGIN + i * side, _MARGIN + 0.6), side, 0.8, fc=colour, ec="black", lw=0.3)
        )  # fmt: skip
    axes.text(_MARGIN, _MARGIN + 0.35, words, va="top")


def _write_png(place: Path, sticker: np.ndarray, cm: tuple[float, float], dpi: int) -> Path:
    size = round(cm[0] / 2.54 * dpi), round(cm[1] / 2.54 * dpi)
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sticker).resize(size, Image.Resampling.BICUBIC).save(place, dpi=(dpi, dpi))
    return place


def _with_alpha(texture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay colours and form together, (h, w, 4) uint8, at the form's size."""
    colours = np.repeat(texture, 3, axis=0) if len(texture) == 1 else texture
    shown = Image.fromarray(np.ascontiguousarray(colours.transpose(1, 2, 0)))
    grown = np.asarray(shown.resize(alpha.shape[::-1], Image.Resampling.BICUBIC))
    return np.dstack([grown, alpha])
