"""How people write a set: `linf:8/255`, `l2` without a limit, `linf:0.5@mask.png`, `rotate:9`, `chars:3`, `snr:30`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from unfooled.core.errors import InputError
from unfooled.core.numerals import read_number
from unfooled.core.region import Region
from unfooled.core.threat import Ball, Edits, PerturbationSet

from .band import read_band
from .chars import Chars
from .frame import Frame
from .inaudible import Inaudible
from .l0 import L0
from .l1 import L1
from .l2 import L2
from .linf import Linf
from .listed import Listed
from .loudness import db, snr
from .masked import Masked
from .motion import Motion
from .patch import Patch
from .sticker import Disc
from .stretches import read_stretch
from .surface import Surface
from .unseen import Homoglyphs, Invisible
from .words import Words

BALLS: dict[str, Callable[[float, float, float], Ball]] = {"linf": Linf, "l2": L2, "l1": L1, "l0": L0}
"""Every kind of ball by the word that names it."""

LOUDNESS: dict[str, Callable[[float, float, float], Ball]] = {"snr": snr, "db": db}
"""Every budget of loudness by the word that names it, in decibels in place of a radius."""

INAUDIBLE = "inaudible"
"""The word for what a recording masks, in decibels by which the masking threshold is raised."""

PLACES: dict[str, Callable[[float, float, float], Ball]] = {
    "patch": Patch,
    "frame": Frame,
}
"""Every kind of set that limits where inputs change and not how far, by the word that names it."""

STICKER = "sticker"
"""The word for a disc, in which nothing is searched: what was made beforehand is brought."""

MOTIONS = ("rotate", "shift")
"""The words for motions; both may be limited at once: `rotate:30,shift:3`."""


EDITS: dict[str, Callable[[float], Edits]] = {
    "chars": Chars, "invisible": Invisible, "homoglyphs": Homoglyphs, "words": Words, "surface": Surface,
}  # fmt: skip
"""Every kind of set of edits to a text by the word that names it."""

LISTED = "listed"
"""The word for substitutes from a table in a file: `listed:0.2@table.json`."""


def parse_sets(
    text: str,
    low: float = 0.0,
    high: float = 1.0,
    read_region: Callable[[str], Region] | None = None,
    rate: int | None = None,
) -> list[PerturbationSet]:
    """Read one kind of set with one or several radii, such as `linf:1/255,2/255,4/255`, or none for no limit: `l2`.

    Args:
        text: What was written; `@FILE` at the end limits the change to what is white in a picture, `@first:0.5s`,
            `@silence` or `@300-3400Hz` that of a recording.
        low: Lowest input of the data.
        high: Highest input of the data.
        read_region: Reads FILE; None where no file can be named.
        rate: Samples a second of recordings; None for other data.

    Raises:
        InputError: The kind is unknown or a radius is none.
    """
    if text.strip().partition(":")[0] in MOTIONS:
        return _motions(text.strip())
    ball, at, mask = text.strip().partition("@")
    kind, colon, radii = ball.partition(":")
    if kind in EDITS and not at:
        return [EDITS[kind](_radius(kind, part)) for part in radii.split(",")]
    if kind == LISTED and at:
        return [Listed.read(_radius(kind, part), mask) for part in radii.split(",")]
    kinds = BALLS | LOUDNESS | PLACES | _heard(rate)
    if kind == STICKER:
        return _discs(radii, low, high, at)
    if kind not in kinds:
        known = ", ".join([*kinds, STICKER, *MOTIONS, *EDITS, f"{LISTED}:RADIUS@FILE"])
        raise InputError("This is not a set of changes", repr(text), f"Write KIND:RADIUS with KIND one of {known}.")
    unlimited = -math.inf if kind == "snr" else math.inf
    sizes = [_radius(kind, part) for part in radii.split(",")] if colon else [unlimited]
    sets: list[Ball] = [kinds[kind](size, low, high) for size in sizes]
    if not at:
        return list(sets)
    read = None if read_region is None else cache(read_region)  # once for all radii
    return [_limited(ball, mask, read, rate) for ball in sets]


def _heard(rate: int | None) -> dict[str, Callable[[float, float, float], Ball]]:
    """Give the sets that hang on what an ear hears of a recording at this rate."""
    if rate is None:
        return {}
    return {INAUDIBLE: lambda size, low, high: Inaudible(size, rate, low, high)}


def _limited(ball: Ball, part: str, read_region: Callable[[str], Region] | None, rate: int | None) -> Ball:
    """Limit a ball to a stretch or the frequencies of a recording, or to what is white in a picture."""
    stretch = None if rate is None else read_stretch(part, rate)
    if stretch is not None:
        return Masked(ball, stretch)
    band = None if rate is None else read_band(part, ball, rate)
    if band is not None:
        return band
    if read_region is None:
        raise InputError("No mask can be read here", repr(part), "Give unfooled.Masked(within, Region.of(array)).")
    return Masked(ball, read_region(part))


def _discs(areas: str, low: float, high: float, at: str) -> list[PerturbationSet]:
    """Read `15%` or `10%,0.15` as discs of these shares of the picture."""
    if at:
        raise InputError("A sticker goes anywhere", "a mask", "Limit its place when it is made: --allowed MASK.")
    return [
        Disc(_radius(STICKER, area.strip().removesuffix("%")) / (100 if area.strip().endswith("%") else 1), low, high)
        for area in areas.split(",")
    ]


def _radius(kind: str, text: str) -> float:
    try:
        return read_number(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"A radius of {kind} is a number",
            repr(text),
            f"Write for example {kind}:{_EXAMPLES.get(kind, '3' if kind in EDITS else '8/255')}.",
        ) from error


_EXAMPLES = {"words": "0.2", "snr": "30", "db": "-31", INAUDIBLE: "0"}


def _motions(text: str) -> list[PerturbationSet]:
    """Read `rotate:30`, `shift:3,5`, `shift:10%` or `rotate:30,shift:3`."""
    first, *more = text.split(",")
    kind, _, size = first.partition(":")
    other, colon, limit = more[0].partition(":") if len(more) == 1 else ("", "", "")
    if colon and {kind, other} == set(MOTIONS):
        return [Motion(**_limit(kind, size), **_limit(other, limit))]
    return [Motion(**_limit(kind, one)) for one in (size, *more)]


def _limit(kind: str, text: str) -> dict[str, Any]:
    size = text.strip()
    if re.fullmatch("[0-9]{1,5}", size):
        return {"degrees" if kind == "rotate" else "pixels": int(size)}
    if kind == "shift" and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?%", size):
        return {"percent": float(size[:-1])}
    raise InputError(
        "Turns are whole degrees, shifts whole pixels or percent of a side",
        f"{kind}:{text}",
        "Write rotate:30, shift:3, shift:10% or rotate:30,shift:3.",
    )
