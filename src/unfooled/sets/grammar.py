"""How people write a set: `linf:8/255`, `l2:3`, `l2` without a limit, `linf:0.5@mask.png`, `chars:3`."""

from __future__ import annotations

import math
from collections.abc import Callable

from unfooled.core.errors import InputError
from unfooled.core.numerals import read_number
from unfooled.core.threat import Ball, Edits

from .chars import Chars
from .frame import Frame
from .l0 import L0
from .l1 import L1
from .l2 import L2
from .linf import Linf
from .masked import Masked, Region
from .patch import Patch
from .unseen import Homoglyphs, Invisible
from .words import Words

BALLS: dict[str, Callable[[float, float, float], Ball]] = {"linf": Linf, "l2": L2, "l1": L1, "l0": L0}
"""Every kind of ball by the word that names it."""

PLACES: dict[str, Callable[[float, float, float], Ball]] = {
    "patch": Patch,
    "frame": Frame,
}
"""Every kind of set that limits where inputs change and not how far, by the word that names it."""


EDITS: dict[str, Callable[[float], Edits]] = {
    "chars": Chars, "invisible": Invisible, "homoglyphs": Homoglyphs, "words": Words,
}  # fmt: skip
"""Every kind of set of edits to a text by the word that names it."""


def parse_sets(
    text: str, low: float = 0.0, high: float = 1.0, read_region: Callable[[str], Region] | None = None
) -> list[Ball] | list[Edits]:
    """Read one kind of set with one or several radii, such as `linf:1/255,2/255,4/255`, or none for no limit: `l2`.

    Args:
        text: What was written; `@FILE` at the end limits the change to what is white in a picture.
        low: Lowest input of the data.
        high: Highest input of the data.
        read_region: Reads FILE; None where no file can be named.

    Raises:
        InputError: The kind is unknown or a radius is none.
    """
    ball, at, mask = text.strip().partition("@")
    kind, colon, radii = ball.partition(":")
    if kind in EDITS and not at:
        return [EDITS[kind](_radius(kind, part)) for part in radii.split(",")]
    kinds = BALLS | PLACES
    if kind not in kinds:
        raise InputError(
            "This is not a set of changes",
            repr(text),
            f"Write KIND:RADIUS with KIND one of {', '.join([*kinds, *EDITS])}.",
        )
    sizes = [_radius(kind, part) for part in radii.split(",")] if colon else [math.inf]
    sets: list[Ball] = [kinds[kind](size, low, high) for size in sizes]
    if not at:
        return sets
    if read_region is None:
        raise InputError("No mask can be read here", repr(mask), "Give unfooled.Masked(within, Region.of(array)).")
    region = read_region(mask)
    masked: list[Ball] = [Masked(ball, region) for ball in sets]
    return masked


def _radius(kind: str, text: str) -> float:
    try:
        return read_number(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"A radius of {kind} is a number",
            repr(text),
            f"Write for example {kind}:{'0.2' if kind == 'words' else '3' if kind in EDITS else '8/255'}.",
        ) from error
