"""The artwork of each sign: what stands on it, and its form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Colour, Point

SPEEDS = (25, 35, 45, 65)


@dataclass(frozen=True)
class Style:
    """What differs between two signs of one kind.

    Attributes:
        face: Number of the typeface.
        bold: How much thicker strokes are than usual, as a share.
        border: Width of the border, in units of half the side.
        scale: Size of what stands on the sign, 1 as usual.
        red: Red, green and blue, 0 to 255.
        yellow: The ground of warnings.
        white: The ground of rules.
        black: Of letters and figures.
    """

    face: int = 0
    bold: float = 0.0
    border: float = 0.06
    scale: float = 1.0
    red: Colour = (176, 28, 38)
    yellow: Colour = (250, 190, 20)
    white: Colour = (240, 240, 236)
    black: Colour = (24, 24, 24)


USUAL = Style()


def artwork(name: str, side: int, style: Style = USUAL) -> np.ndarray:
    """Draw a sign: red, green, blue and form, (4, side, side) uint8; it fills the square."""
    plate, ink = KINDS[name]
    canvas = Canvas.blank(side, _edge(plate, style), style.face, style.bold)
    plate(canvas, style)
    ink(canvas, style)
    return canvas.finished()


def _ring(corners: int, radius: float, turn: float) -> list[Point]:
    angles = [math.radians(turn + 360 * k / corners) for k in range(corners)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _octagon(canvas: Canvas, style: Style) -> None:
    far = 1 / math.cos(math.pi / 8)
    canvas.plate(_ring(8, far, 22.5), style.white)
    canvas.polygon(_ring(8, far * (1 - style.border), 22.5), style.red)


def _triangle(canvas: Canvas, style: Style) -> None:
    def corners(far: float) -> list[Point]:
        return [(-far, -0.82 * far - 0.05), (far, -0.82 * far - 0.05), (0, 0.9 * far - 0.05)]

    canvas.plate(corners(0.93), style.white, 0.06)
    canvas.polygon(corners(0.93 - style.border / 2), style.red, 0.05)
    canvas.polygon(corners(0.47), style.white, 0.05)


def _square(canvas: Canvas, style: Style) -> None:
    canvas.plate(_ring(4, 0.94 * math.sqrt(2), 45), style.white, 0.06)


def _panel(canvas: Canvas, style: Style) -> None:
    for far, colour in ((0.0, style.white), (0.03, style.black), (0.03 + style.border / 2, style.white)):
        wide, high = 0.74 - far, 0.94 - far
        corners = [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]
        (canvas.plate if not far else canvas.polygon)(corners, colour, 0.06)


def _diamond(canvas: Canvas, style: Style) -> None:
    canvas.plate(_ring(4, 0.94, 0), style.yellow, 0.06)
    canvas.polygon(_ring(4, 0.90, 0), style.black, 0.05)
    canvas.polygon(_ring(4, 0.90 - style.border / 1.4, 0), style.yellow, 0.05)


def _pentagon(canvas: Canvas, style: Style) -> None:
    def corners(far: float) -> list[Point]:
        return [(0, -far), (far, -0.05), (far, far), (-far, far), (-far, -0.05)]

    canvas.plate(corners(0.95), style.yellow, 0.05)
    canvas.polygon(corners(0.90), style.black, 0.04)
    canvas.polygon(corners(0.90 - style.border / 1.6), style.yellow, 0.04)


def _edge(plate: Callable[[Canvas, Style], None], style: Style) -> Colour:
    """Give the colour of the rim: beyond it nothing else may shine through when pixels are mixed."""
    return style.yellow if plate in (_diamond, _pentagon) else style.white


def _stop(canvas: Canvas, style: Style) -> None:
    canvas.words("STOP", (0, 0), (1.50 * style.scale, 0.62 * style.scale), style.white)


def _yield(canvas: Canvas, style: Style) -> None:
    canvas.words("YIELD", (0, -0.33), (0.62 * style.scale, 0.19 * style.scale), style.red)


def _no_entry(canvas: Canvas, style: Style) -> None:
    canvas.disc((0, 0), 0.9, style.red)
    canvas.polygon([(-0.64, -0.11), (0.64, -0.11), (0.64, 0.11), (-0.64, 0.11)], style.white)
    for words, y in (("DO NOT", -0.38), ("ENTER", 0.38)):
        canvas.words(words, (0, y), (0.95 * style.scale, 0.2 * style.scale), style.white)


def _speed(number: int) -> Callable[[Canvas, Style], None]:
    def ink(canvas: Canvas, style: Style) -> None:
        canvas.words("SPEED", (0, -0.62), (1.0 * style.scale, 0.27 * style.scale), style.black)
        canvas.words("LIMIT", (0, -0.25), (0.86 * style.scale, 0.27 * style.scale), style.black)
        canvas.words(str(number), (0, 0.42), (1.02 * style.scale, 0.76 * style.scale), style.black)

    return ink


def _keep_right(canvas: Canvas, style: Style) -> None:
    canvas.polygon([(-0.42, -0.7), (-0.1, -0.7), (-0.14, -0.1), (-0.26, 0.02), (-0.38, -0.1)], style.black, 0.04)
    bend = [(-0.26, 0.72), (-0.26, 0.45), (0.28, 0.05), (0.28, -0.72)]
    canvas.arrow(bend, 0.2 * style.scale, style.black)


def _turn(sign: int) -> Callable[[Canvas, Style], None]:
    def ink(canvas: Canvas, style: Style) -> None:
        points = [(-0.2, 0.5), (-0.2, -0.12), (0.52 * style.scale, -0.12)]
        canvas.arrow([(sign * x, y) for x, y in points], 0.2 * style.scale, style.black)

    return ink


def _merge(canvas: Canvas, style: Style) -> None:
    canvas.arrow([(0.0, 0.62), (0.0, -0.62 * style.scale)], 0.17 * style.scale, style.black)
    canvas.stroke([(0.42, 0.42), (0.32, 0.12), (0.03, -0.12)], 0.15 * style.scale, style.black)


def _added_lane(canvas: Canvas, style: Style) -> None:
    canvas.arrow([(-0.22, 0.5), (-0.22, -0.52 * style.scale)], 0.16 * style.scale, style.black)
    canvas.arrow([(0.42, 0.42), (0.2, 0.15), (0.2, -0.52 * style.scale)], 0.16 * style.scale, style.black)


def _lane_ends(canvas: Canvas, style: Style) -> None:
    canvas.stroke([(-0.36, 0.42), (-0.36, -0.42)], 0.1 * style.scale, style.black)
    canvas.stroke([(0.38, 0.42), (0.38, 0.12), (0.08, -0.16), (0.08, -0.55)], 0.1 * style.scale, style.black)
    for y in (0.42, 0.18, -0.06):
        canvas.stroke([(0.0, y), (0.0, y - 0.1)], 0.07 * style.scale, style.black)


def _signal(canvas: Canvas, style: Style) -> None:
    wide = 0.22 * style.scale
    canvas.polygon([(-wide, -0.56), (wide, -0.56), (wide, 0.56), (-wide, 0.56)], style.black, 0.05)
    for y, colour in ((-0.36, style.red), (0.0, (250, 200, 40)), (0.36, (30, 150, 70))):
        canvas.disc((0, y), 0.15 * style.scale, colour)


def _stop_ahead(canvas: Canvas, style: Style) -> None:
    canvas.arrow([(0, -0.12), (0, -0.68)], 0.14 * style.scale, style.black)
    for far, colour in ((0.38, style.white), (0.34, style.red)):
        canvas.polygon([(x, y + 0.27) for x, y in _ring(8, far * style.scale, 22.5)], colour)


def _person(canvas: Canvas, style: Style, x: float, y: float, size: float) -> None:
    def at(points: list[Point]) -> list[Point]:
        return [(x + size * a, y + size * b) for a, b in points]

    canvas.disc((x, y - 0.72 * size), 0.16 * size, style.black)
    canvas.stroke(at([(0, -0.42), (0, 0.05)]), 0.28 * size, style.black)
    for points in ([(0, 0.05), (0.3, 0.45), (0.28, 0.85)], [(0, 0.05), (-0.2, 0.45), (-0.42, 0.8)]):
        canvas.stroke(at(points), 0.15 * size, style.black)
    for points in ([(0, -0.42), (0.35, -0.1)], [(0, -0.42), (-0.32, -0.02)]):
        canvas.stroke(at(points), 0.11 * size, style.black)


def _pedestrian(canvas: Canvas, style: Style) -> None:
    _person(canvas, style, 0.0, 0.0, 0.66 * style.scale)


def _school(canvas: Canvas, style: Style) -> None:
    _person(canvas, style, -0.33, 0.15, 0.72 * style.scale)
    _person(canvas, style, 0.38, 0.25, 0.6 * style.scale)


Ink = Callable[[Canvas, Style], None]

KINDS: dict[str, tuple[Ink, Ink]] = {
    "stop": (_octagon, _stop),
    "yield": (_triangle, _yield),
    "do not enter": (_square, _no_entry),
    **{f"speed limit {number}": (_panel, _speed(number)) for number in SPEEDS},
    "keep right": (_panel, _keep_right),
    "turn right": (_diamond, _turn(1)),
    "turn left": (_diamond, _turn(-1)),
    "merge": (_diamond, _merge),
    "added lane": (_diamond, _added_lane),
    "lane ends": (_diamond, _lane_ends),
    "signal ahead": (_diamond, _signal),
    "stop ahead": (_diamond, _stop_ahead),
    "pedestrian crossing": (_diamond, _pedestrian),
    "school": (_pentagon, _school),
}
"""What each sign is cut from, and what is painted on it."""

CLASSES = tuple(KINDS)
"""Names of all signs, in the order of the classifiers' scores."""
