"""Tape for a sign on paper: every piece at its real size, with marks and measures that say where it goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import ndimage

from unfooled.core.errors import InputError

from .printing import PAGES, STYLE

_UNITS = {"mm": 0.1, "cm": 1.0, "m": 100.0, "in": 2.54, '"': 2.54, "ft": 30.48}
_MARGIN, _GAP, _MARK, _WORDS = 1.5, 1.4, 0.5, 0.5  # cm


@dataclass(frozen=True)
class Piece:
    """One piece of tape.

    Attributes:
        number: From 1, upper left first.
        left: Of its box on the sign, in cm from the sign's left edge.
        top: In cm from the sign's upper edge.
        wide: Of its box, in cm.
        high: In cm.
        colours: RGB and form, (h, w, 4) uint8.
    """

    number: int
    left: float
    top: float
    wide: float
    high: float
    colours: np.ndarray


def read_length(text: str) -> float:
    """Read a length with its unit, in cm: `75cm`, `30in`, `0.75 m`.

    Raises:
        InputError: It has no unit, or is no length above 0.
    """
    found = re.fullmatch(r'\s*([0-9]*\.?[0-9]+)\s*(mm|cm|m|in|"|ft)\s*', text)
    if not found or not float(found[1]) > 0:
        raise InputError("A size needs a number above 0 and a unit", repr(text), "Write 75cm, 0.75m or 30in.")
    return float(found[1]) * _UNITS[found[2]]


def pieces(altered: np.ndarray, mask: np.ndarray, cm: float) -> list[Piece]:
    """Cut what is laid on a sign into its pieces.

    Args:
        altered: The altered sign, (4, s, s) uint8.
        mask: Where tape is, (s, s) bool.
        cm: Side of the sign.
    """
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    scale = cm / mask.shape[0]
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        cut = altered[:3, rows, columns].transpose(1, 2, 0)
        form = (labels[rows, columns] == number).astype(np.uint8) * 255
        place = columns.start * scale, rows.start * scale
        size = (columns.stop - columns.start) * scale, (rows.stop - rows.start) * scale
        found.append(Piece(number, *place, *size, np.dstack([cut, form])))
    if not count:
        raise InputError("There is no tape on this sign", "an empty mask", "Craft it again.")
    return found


def write_sign_print(path: str | Path, altered: np.ndarray, mask: np.ndarray, cm: float, title: str = "") -> Path:
    """Write a PDF: a plan of the sign, and all pieces at their real size with corner marks.

    Args:
        path: A `.pdf`.
        altered: The altered sign, (4, s, s) uint8.
        mask: Where tape is, (s, s) bool.
        cm: Side of the sign, above 0.
        title: What stands on the plan.

    Raises:
        InputError: A piece fits on no page, or the path is no PDF.
    """
    place, cut = Path(path), pieces(altered, mask, cm)
    if place.suffix.lower() != ".pdf":
        raise InputError("The stickers of a sign are a .pdf", place.name, "Name it sign.pdf.")
    page, sheets = _packed(cut)
    place.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE), PdfPages(place, metadata={"CreationDate": None}) as pages:
        pages.savefig(_plan(altered, cut, cm, title))
        for sheet in sheets:
            pages.savefig(_sheet(sheet, page))
    return place


Placed = tuple[Piece, float, float]


def _packed(cut: Sequence[Piece]) -> tuple[tuple[float, float], list[list[Placed]]]:
    """Choose the smallest page that holds every piece, and lay the pieces on shelves: (piece, left, top) in cm."""
    for page in PAGES.values():
        room = page[0] - 2 * _MARGIN, page[1] - 2 * _MARGIN - _WORDS
        if all(one.wide <= room[0] and one.high <= room[1] for one in cut):
            break
    else:
        largest = max(cut, key=lambda one: one.wide * one.high)
        found = f"piece {largest.number}, {largest.wide:.0f} x {largest.high:.0f} cm"
        raise InputError("A piece fits on no page up to A0", found, "Choose a smaller sign or smaller stickers.")
    sheets: list[list[Placed]] = [[]]
    x = y = shelf = 0.0
    for one in sorted(cut, key=lambda piece: -piece.high):
        if x and x + one.wide > room[0]:
            x, y, shelf = 0.0, y + shelf + _GAP, 0.0
        if y and y + one.high > room[1]:
            sheets.append([])
            x = y = shelf = 0.0
        sheets[-1].append((one, _MARGIN + x, _MARGIN + _WORDS + y))
        x, shelf = x + one.wide + _GAP, max(shelf, one.high)
    return page, sheets


def _sheet(placed: Sequence[Placed], page: tuple[float, float]) -> Figure:
    figure, axes = _blank(page)
    for one, left, top in placed:
        high = page[1] - top
        axes.imshow(
            one.colours, extent=(left, left + one.wide, high - one.high, high), aspect="auto", interpolation="none"
        )
        for x, out in ((left, -1), (left + one.wide, 1)):
            for y, up in ((high, 1), (high - one.high, -1)):
                axes.plot((x, x + out * _MARK / 2), (y, y), color="black", lw=0.4)
                axes.plot((x, x), (y, y + up * _MARK / 2), color="black", lw=0.4)
        axes.text(left, high + 0.3, f"{one.number}: {one.left:.1f} | {one.top:.1f} cm", fontsize=7)
    axes.text(_MARGIN, 0.6, "Print at 100 %. Number: cm from the sign's left | upper edge.", fontsize=7)
    axes.set(xlim=(0, page[0]), ylim=(0, page[1]))
    return figure


def _plan(altered: np.ndarray, cut: Sequence[Piece], cm: float, title: str) -> Figure:
    """Draw the sign small, each piece with its number and its place."""
    page = PAGES["A4"]
    figure, axes = _blank(page)
    wide = page[0] - 2 * _MARGIN
    left, low = _MARGIN, page[1] - _MARGIN - 1.5 - wide
    axes.imshow(altered.transpose(1, 2, 0), extent=(left, left + wide, low, low + wide), aspect="auto")
    for one in cut:
        x, y = left + one.left / cm * wide, low + wide - one.top / cm * wide
        size = one.wide / cm * wide, one.high / cm * wide
        axes.add_patch(Rectangle((x, y - size[1]), *size, fill=False, ec="#0050d0", lw=0.8))
        axes.text(x, y + 0.08, str(one.number), fontsize=7, color="#0050d0", weight="bold")
    axes.text(_MARGIN, page[1] - _MARGIN - 0.8, f"{title}\nThe sign is {cm:g} cm wide.".strip())
    lines = [f"{one.number}: {one.left:.1f} | {one.top:.1f}, {one.wide:.1f} x {one.high:.1f}" for one in cut]
    third = -(-len(lines) // 3)
    for k in range(3):
        axes.text(_MARGIN + k * 6, low - 0.6, "\n".join(lines[k * third : (k + 1) * third]), va="top", fontsize=7)
    axes.text(_MARGIN, 0.6, "Number: cm from the sign's left | upper edge, width x height in cm.", fontsize=7)
    axes.set(xlim=(0, page[0]), ylim=(0, page[1]))
    return figure


def _blank(page: tuple[float, float]) -> tuple[Figure, Any]:
    figure = Figure(figsize=(page[0] / 2.54, page[1] / 2.54))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    return figure, axes
