"""A sheet to draw a sign on: lengths in units of half the sign's side, drawn fine and shrunk once."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

_FINE = 4  # dots drawn for one that is kept
_FACES = ("DejaVuSans-Bold.ttf", "DejaVuSans.ttf", "")
FONTS = len(_FACES)
"""Typefaces that letters can be drawn in."""


@dataclass(frozen=True)
class Canvas:
    """A square sheet from (-1, -1), upper left, to (1, 1).

    Attributes:
        colours: What is painted, RGB.
        form: White where the sign is.
        face: Number of the typeface, 0 to `FONTS` - 1.
        bold: How much thicker strokes are drawn than usual, as a share, such as -0.1 to 0.3.
    """

    colours: Image.Image
    form: Image.Image
    face: int
    bold: float

    @classmethod
    def blank(cls, side: int, ground: Colour, face: int = 0, bold: float = 0.0) -> Canvas:
        """Take a sheet of one colour on which no sign is yet."""
        size = (side * _FINE, side * _FINE)
        return cls(Image.new("RGB", size, ground), Image.new("L", size, 0), face, bold)

    def plate(self, corners: Sequence[Point], colour: Colour, rounding: float = 0.0) -> None:
        """Cut the sign out: a polygon with rounded corners, painted in one colour."""
        for sheet, paint in ((self.colours, colour), (self.form, 255)):
            self._rounded(ImageDraw.Draw(sheet), corners, paint, rounding)

    def polygon(self, corners: Sequence[Point], colour: Colour, rounding: float = 0.0) -> None:
        """Paint a polygon with rounded corners."""
        self._rounded(ImageDraw.Draw(self.colours), corners, colour, rounding)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """Paint a disc."""
        (x, y), far = self._at(centre), radius * self._unit
        ImageDraw.Draw(self.colours).ellipse((x - far, y - far, x + far, y + far), fill=colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draw a line through points, its ends round."""
        self._rounded(ImageDraw.Draw(self.colours), points, colour, width * (1 + self.bold) / 2, closed=False)

    def arrow(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draw a line that ends in a head, whose tip is the last point."""
        (x, y), (tip_x, tip_y) = points[-2:]
        length = float(np.hypot(tip_x - x, tip_y - y))
        along = ((tip_x - x) / length, (tip_y - y) / length)
        head, half = 1.7 * width, 1.3 * width
        base = (tip_x - head * along[0], tip_y - head * along[1])
        self.stroke([*points[:-1], base], width, colour)
        sides = [(base[0] - k * half * along[1], base[1] + k * half * along[0]) for k in (1, -1)]
        self.polygon([(tip_x, tip_y), *sides], colour)

    def words(self, text: str, centre: Point, size: Point, colour: Colour) -> None:
        """Write a word that fills a box of this width and height, whatever the typeface: as narrow as need be."""
        font = _font(self.face)
        left, top, right, bottom = font.getbbox(text)
        weight = max(0, round((1 if _FACES[self.face] else 3) + 10 * self.bold))
        cut = (round(right - left) + 2 * weight, round(bottom - top) + 2 * weight)
        letters = Image.new("L", cut, 0)
        ImageDraw.Draw(letters).text((weight - left, weight - top), text, fill=255, font=font, stroke_width=weight)
        fitted = letters.resize(
            (max(1, round(size[0] * self._unit)), max(1, round(size[1] * self._unit))), Image.Resampling.BOX
        )
        x, y = self._at(centre)
        self.colours.paste(colour, (round(x - fitted.width / 2), round(y - fitted.height / 2)), fitted)

    def finished(self) -> np.ndarray:
        """Give red, green, blue and form, (4, side, side) uint8."""
        side = self.colours.width // _FINE
        kept = [sheet.resize((side, side), Image.Resampling.BOX) for sheet in (self.colours, self.form)]
        return np.ascontiguousarray(np.dstack([np.asarray(sheet) for sheet in kept]).transpose(2, 0, 1))

    @property
    def _unit(self) -> float:
        return self.colours.width / 2

    def _at(self, point: Point) -> Point:
        return ((point[0] + 1) * self._unit, (point[1] + 1) * self._unit)

    def _rounded(
        self, draw: ImageDraw.ImageDraw, points: Sequence[Point], paint: Colour | int, radius: float,
        *, closed: bool = True,
    ) -> None:  # fmt: skip
        """Paint all that is within a radius of a path, and what a closed one encloses."""
        places, wide = [self._at(point) for point in points], radius * self._unit
        if closed:
            draw.polygon(places, fill=paint)
        if wide:
            draw.line([*places, places[0]] if closed else places, fill=paint, width=max(1, round(2 * wide)))
            for x, y in places:
                draw.ellipse((x - wide, y - wide, x + wide, y + wide), fill=paint)


@cache
def _font(face: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Open a typeface that comes with matplotlib, which need not be imported for it, or Pillow's own."""
    found = importlib.util.find_spec("matplotlib")
    if not _FACES[face] or found is None or found.origin is None:
        return ImageFont.load_default(120)
    return ImageFont.truetype(str(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / _FACES[face]), 120)
