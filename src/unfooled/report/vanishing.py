"""The report of a sticker against a detector: one HTML page, with what is reported drawn into the photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfooled.core.trials import Rate
from unfooled.core.vanishing import Box, Sight, Vanishing

from . import wording
from .gallery import LONGEST_FIRST, Picture, as_picture
from .page import environment, write_page
from .sticker import cut_out, share

_SEEN, _MISSED, _ELSEWHERE = (30, 220, 90), (235, 40, 40), (250, 200, 30)
"""Colours of a reported object's box, of the place of one that is not, and of what is reported elsewhere."""


@dataclass(frozen=True)
class Pair:
    """A photograph without and with the sticker, boxes drawn in.

    Attributes:
        name: Of the file.
        shown: Both pictures.
        seen: How many of its objects are reported in either.
        objects: How many it has.
    """

    name: str
    shown: tuple[Picture, Picture]
    seen: tuple[int, int]
    objects: int


def write_vanishing_report(found: Vanishing, path: str | Path, *, prints: str | None = None) -> Path:
    """Write the report of a sticker against a detector; returns its path.

    Args:
        found: What trials found.
        path: Of the page.
        prints: The file for the printer, relative to the page; None where there is none.

    Raises:
        RunError: The file cannot be written.
    """
    made = environment()
    made.filters["rate"] = share
    page = made.get_template("vanishing.html.j2").render(_contents(found, prints)).lstrip()
    return write_page(page, path)


def drawn(sight: Sight) -> np.ndarray:
    """Draw boxes into a picture, (c, h, w) uint8: where objects are reported, where they are missed, and what else."""
    picture = np.broadcast_to(sight.picture, (3, *sight.picture.shape[1:])).copy()
    thick = max(1, round(max(picture.shape[1:]) / 250))
    for box in sight.reported:
        _frame(picture, box, _ELSEWHERE, thick)
    for box, seen in zip(sight.objects, sight.seen, strict=True):
        _frame(picture, box, _SEEN if seen else _MISSED, thick)
    return picture


def _frame(picture: np.ndarray, box: Box, colour: tuple[int, int, int], thick: int) -> None:
    """Draw the rim of a box, cut off where the picture ends."""
    height, width = picture.shape[1:]
    left, upper, right, lower = (round(edge) for edge in box)
    down, across = np.arange(height)[:, None], np.arange(width)[None]
    inside = (left <= across) & (across < right) & (upper <= down) & (down < lower)
    deep = (left + thick <= across) & (across < right - thick) & (upper + thick <= down) & (down < lower - thick)
    picture[:, inside & ~deep] = np.array(colour, np.uint8)[:, None]


def _contents(found: Vanishing, prints: str | None) -> dict[str, Any]:
    about = found.about
    before, after, noise = (found.of(what).rate for what in ("nothing", "sticker", "noise"))
    return {
        "about": about,
        "created": wording.moment(about["created"]),
        "things": _plural(about["thing"]),
        "before": before,
        "after": after,
        "noise": noise,
        "lost": _lost(before, after),
        "recalls": found.recalls,
        "sticker": as_picture(cut_out(found.texture, found.alpha), LONGEST_FIRST),
        "pairs": _pairs(found),
        "prints": prints,
        "settings": _settings(about),
        "cpu": about["cost"]["cpu_seconds"],
    }


def _lost(before: Rate, after: Rate) -> float:
    return 1 - after.share / before.share if before.share else 0.0


def _pairs(found: Vanishing) -> list[Pair]:
    return [
        Pair(
            clean.name,
            (_shown(clean), _shown(attacked)),
            (sum(clean.seen), sum(attacked.seen)),
            len(clean.objects),
        )
        for clean, attacked in zip(found.sights[::2], found.sights[1::2], strict=True)
    ]


def _shown(sight: Sight) -> Picture:
    return as_picture(drawn(sight) / np.float32(255), LONGEST_FIRST)


def _plural(thing: str) -> str:
    return thing + ("es" if thing.endswith(("s", "x", "ch", "sh")) else "s")


def _settings(about: Any) -> list[tuple[str, str]]:
    learned, scene = about["settings"], about["scene"]
    told = {
        "goal": about["goal"],
        "steps": f"{learned['steps']} of {learned['batch']} crops",
        "first step, loss": f"{learned['step']:g}, {learned['loss']}",
        "texels": f"{learned['side']} x {learned['side']}",
        "form": f"{learned['outline']['form']}, width over height {learned['outline']['aspect']:g}",
        "turned by": f"up to {scene['rotation']:g} degrees either way",
        "place": "anywhere in the square of twice the object's size" if scene["place"] is None else str(scene["place"]),
        "light": f"contrast +-{scene['contrast']:g}, brightness +-{scene['brightness']:g}",
        "seed": about["seed"],
        "unfooled": about["unfooled"],
    }
    return [(word, str(value)) for word, value in told.items()]
