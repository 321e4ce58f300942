"""The report of an altered road sign: one HTML page that needs nothing but itself, and the tape's print beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from unfooled.core.sightings import Glance, Passing, Sighting, SignFound, read_in

from . import wording
from .charts import FOOLED, FOOLED_SOFT, MUTED, STYLE, drawn
from .gallery import LONGEST_FIRST, Picture, as_picture
from .page import environment, write_page

_VIEW = 160  # pixels of a view on the page


@dataclass(frozen=True)
class Shown:
    """A view inside the page."""

    glance: Glance
    picture: Picture


@dataclass(frozen=True)
class Line:
    """A line of the table: all turns at one distance."""

    pixels: int
    cells: tuple[Sighting, ...]


def write_sign_report(found: SignFound, path: str | Path, *, prints: str | None = None) -> Path:
    """Write the report of an altered sign; returns its path.

    Args:
        found: What trials found.
        path: Of the page.
        prints: The file for the printer, relative to the page; None where there is none.

    Raises:
        RunError: The file cannot be written.
    """
    page = environment().get_template("sign.html.j2").render(_contents(found, prints)).lstrip()
    return write_page(page, path)


def _contents(found: SignFound, prints: str | None) -> dict[str, Any]:
    about, victim = found.about, found.about["victim"]
    table = found.of(victim)
    frames, metres = read_in(found.drive)
    return {
        "about": about,
        "created": wording.moment(about["created"]),
        "main": found.summary(victim),
        "signs": [as_picture(_on_grey(one), LONGEST_FIRST) for one in (found.clean, found.altered)],
        "yaws": sorted({one.yaw for one in table}),
        "lines": _lines(table),
        "models": [(one, found.summary(one["name"])) for one in about["models"]],
        "drive": found.drive,
        "drawn": _drive(found.drive, "drive"),
        "frames": frames,
        "metres": metres,
        "views": [Shown(one, as_picture(_grown(one.picture), _VIEW)) for one in found.glances],
        "prints": prints,
        "settings": _settings(about),
    }


def _lines(table: Sequence[Sighting]) -> list[Line]:
    return [
        Line(pixels, tuple(sorted((one for one in table if one.pixels == pixels), key=lambda one: one.yaw)))
        for pixels in sorted({one.pixels for one in table}, reverse=True)
    ]


def _on_grey(sign: np.ndarray) -> np.ndarray:
    """Lay a sign (4, s, s) uint8 on grey."""
    colours, form = sign[:3] / np.float32(255), sign[3:] / np.float32(255)
    shown: np.ndarray = (colours * form + 0.6 * (1 - form)).astype(np.float32)
    return shown


def _grown(picture: np.ndarray) -> np.ndarray:
    """Enlarge a crop (c, h, w) uint8 without smoothing."""
    times = max(1, _VIEW // picture.shape[2])
    grown: np.ndarray = picture.repeat(times, axis=1).repeat(times, axis=2) / np.float32(255)
    return grown


def _drive(drive: Sequence[Passing], name: str) -> Markup:
    """Draw how often goal and clean sign are read against the distance."""
    metres = [one.metres for one in drive]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(metres, [one.hit for one in drive], color=FOOLED_SOFT, alpha=0.5, lw=0)
        axes.plot(metres, [one.hit for one in drive], color=FOOLED, lw=2, label="goal reached")
        axes.plot(metres, [one.clean for one in drive], color=MUTED, lw=1.5, ls="--", label="clean sign read right")
        axes.invert_xaxis()
        axes.set(xlabel="Metres to the sign", ylim=(-0.04, 1.08), yticks=[0, 0.25, 0.5, 0.75, 1])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.legend(frameon=False, loc="center left")
        share = wording.percent(sum(one.hit for one in drive) / len(drive))
        return drawn(figure, name, f"Goal reached along a drive towards the sign; {share} of all frames.")


def _settings(about: Any) -> list[tuple[str, str]]:
    made, road = about["settings"], about["roadside"]
    told = {"goal": about["goal"], "made by": about["by"], "seed": about["seed"], "unfooled": about["unfooled"]}
    told |= {
        name: made[name] for name in ("mask", "area", "steps", "batch", "loss", "dark", "particles") if name in made
    }
    told |= {"colours to choose from": len(made["palette"]) or "any"} if "palette" in made else {}
    told |= {"light": f"{road['weather']['light'][0]:g} to {road['weather']['light'][1]:g} times"}
    return [(word, str(value)) for word, value in told.items()]
