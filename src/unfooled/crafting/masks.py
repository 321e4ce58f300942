"""Where tape or paint may lie on a sign: bars, rectangles, strokes, the whole plate, or a picture of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn.functional import avg_pool2d

from unfooled.core.errors import InputError

SIDE = 256
"""Of masks and of finely drawn signs, in pixels."""

_FINE = 4  # dots drawn for one that is kept: thin strokes differ by less than a pixel
_SPILL = 0.02  # share of a mask that may lie beyond the sign: antialiased edges
_WRITING: tuple[tuple[tuple[float, float], ...], ...] = (
    ((-0.58, -0.78), (-0.58, -0.48), (-0.38, -0.48)),
    ((-0.24, -0.62), (-0.13, -0.78), (-0.02, -0.62), (-0.13, -0.48), (-0.24, -0.62)),
    ((0.08, -0.78), (0.18, -0.48), (0.29, -0.78)),
    ((0.58, -0.78), (0.4, -0.76), (0.4, -0.5), (0.58, -0.48)),
    ((0.4, -0.63), (0.54, -0.63)),
    ((-0.6, 0.5), (-0.5, 0.78), (-0.4, 0.6), (-0.3, 0.78), (-0.2, 0.5)),
    ((-0.08, 0.5), (-0.06, 0.78), (0.14, 0.76), (0.16, 0.5)),
    ((0.3, 0.78), (0.3, 0.5), (0.5, 0.56), (0.32, 0.65), (0.54, 0.78)),
)  # two scribbled words, one above and one below what the sign says


def mask_named(name: str, area: float, form: Tensor) -> Tensor:
    """Draw a mask by its name, (SIDE, SIDE) in {0, 1}.

    Args:
        name: One of `SHAPES`, or a path to a picture whose white it is.
        area: Share of the sign that it covers, above 0 to 1; of `poster` and of a picture of one's own it has no say.
        form: Where the sign is, (SIDE, SIDE) in [0, 1].

    Raises:
        InputError: There is no such mask, no room for it, or it lies outside the sign.
    """
    if name not in SHAPES:
        return own_mask(name, form)
    if name == "poster":
        return (form > 0.5).float()
    if not 0 < area <= 1:
        raise InputError("A sticker covers a share of the sign, above 0 to 100%", area, "Write --area 13%.")
    low, high = 0.0, 1.0
    for _ in range(20):  # how thick the strokes are
        middle = (low + high) / 2
        low, high = (middle, high) if share(_inside(name, middle, form), form) < area else (low, middle)
    found = _inside(name, high, form)
    if abs(share(found, form) - area) > 0.1 * area:
        most = share(_inside(name, 1.0, form), form)
        raise InputError(f"The sign has no room for {name} of this area", f"{area:.0%}", f"At most {most:.0%}.")
    return found


def own_mask(place: str, form: Tensor) -> Tensor:
    """Read a picture: what is brighter than half belongs to the sticker.

    Raises:
        InputError: It cannot be read, shows nothing, or lies outside the sign.
    """
    known = ", ".join(SHAPES)
    try:
        with Image.open(place) as picture:
            grey = np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
    except OSError as error:
        raise InputError("There is no such mask", repr(place), f"Choose {known}, or a picture.") from error
    mask = torch.from_numpy(grey > 127).float()
    if not bool(mask.any()):
        raise InputError("A mask must be white where the sticker is", f"{place}, which is dark", "Paint it.")
    beyond = float((mask * (form < 0.5)).sum() / mask.sum())
    if beyond > _SPILL:
        raise InputError(
            "The mask lies outside the sign", f"{beyond:.0%} of {place}", "Draw it on the sign: it fills the square."
        )
    return mask * (form > 0.5)


def found_mask(pull: Tensor, area: float, form: Tensor) -> Tensor:
    """Keep the cells whose change mattered most, as many as the area allows, (SIDE, SIDE) in {0, 1}.

    Args:
        pull: What each cell of a grid is worth, (g, g), 0 or more.
        area: Share of the sign.
        form: Where the sign is, (SIDE, SIDE).
    """
    cells = avg_pool2d(form[None, None], SIDE // len(pull))[0, 0]
    room = cells * (cells > 0.98)
    order = (pull * room).flatten().argsort(descending=True, stable=True)
    kept = room.flatten()[order].cumsum(0) <= area * float(cells.sum())
    chosen = torch.zeros_like(room).flatten()
    chosen[order[kept]] = room.flatten()[order[kept]]
    return chosen.view_as(room).repeat_interleave(SIDE // len(pull), 0).repeat_interleave(SIDE // len(pull), 1).ceil()


def share(mask: Tensor, form: Tensor) -> float:
    """Give the share of the sign that a mask covers, 0 to 1."""
    return float((mask * form).sum() / form.sum())


def _inside(name: str, thick: float, form: Tensor) -> Tensor:
    return SHAPES[name](thick) * (form > 0.98)


def _drawn(paint: Callable[[ImageDraw.ImageDraw, float], None]) -> Tensor:
    sheet = Image.new("L", (_FINE * SIDE, _FINE * SIDE), 0)
    paint(ImageDraw.Draw(sheet), _FINE * SIDE / 2)
    return torch.from_numpy(np.asarray(sheet.resize((SIDE, SIDE), Image.Resampling.BOX)) > 127).float()


def _boxes(*boxes: tuple[float, float, float, float]) -> Tensor:
    def paint(draw: ImageDraw.ImageDraw, unit: float) -> None:
        for x, y, wide, high in boxes:
            ends = (x - wide, y - high, x + wide, y + high)
            draw.rectangle(tuple((one + 1) * unit for one in ends), fill=255)

    return _drawn(paint)


def _bars(thick: float) -> Tensor:
    half = 0.27 * thick
    return _boxes((0, -0.37 - half, 0.72, half), (0, 0.37 + half, 0.72, half))


def _rectangles(thick: float) -> Tensor:
    half = 0.26 * thick
    return _boxes(*((x, y * (0.38 + half), 0.3 * math.sqrt(thick), half) for x in (-0.36, 0.36) for y in (-1, 1)))


def _graffiti(thick: float) -> Tensor:
    def paint(draw: ImageDraw.ImageDraw, unit: float) -> None:
        wide = 0.16 * thick * unit
        for line in _WRITING:
            places = [((0.95 * x + 1) * unit, (0.9 * y + 1) * unit) for x, y in line]
            draw.line(places, fill=255, width=max(1, round(2 * wide)))
            for x, y in places:
                draw.ellipse((x - wide, y - wide, x + wide, y + wide), fill=255)

    return _drawn(paint)


def _poster(thick: float) -> Tensor:
    return torch.ones(SIDE, SIDE)


SHAPES: dict[str, Callable[[float], Tensor]] = {
    "bars": _bars,
    "rectangles": _rectangles,
    "graffiti": _graffiti,
    "poster": _poster,
}
"""Masks by name: how thick, 0 to 1 -> (SIDE, SIDE) in {0, 1}."""
