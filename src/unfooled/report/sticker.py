"""The report of a sticker: one HTML page that needs nothing but itself, and the sticker's print beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfooled.core.trials import Found, Rate, Shot, Trial

from . import wording
from .gallery import LONGEST, LONGEST_FIRST, Picture, as_picture
from .page import environment, write_page
from .sticker_charts import frames, sizes

_FRAME = 192  # pixels of a film's frame


@dataclass(frozen=True)
class Shown:
    """A shot inside the page."""

    shot: Shot
    picture: Picture


@dataclass(frozen=True)
class Row:
    """One line of the matrix: a sticker, and how often it reached the goal on each model."""

    learned: tuple[str, ...]
    cells: list[Trial | None]


def write_sticker_report(found: Found, path: str | Path, *, prints: str | None = None) -> Path:
    """Write the report of a sticker; returns its path.

    Args:
        found: What trials found.
        path: Of the page.
        prints: The file for the printer, relative to the page; None where there is none.

    Raises:
        RunError: The file cannot be written.
    """
    made = environment()
    made.filters["rate"] = share
    page = made.get_template("sticker.html.j2").render(_contents(found, prints)).lstrip()
    return write_page(page, path)


def _contents(found: Found, prints: str | None) -> dict[str, Any]:
    about = found.about
    victim, learned = about["victim"], tuple(about["learned"])
    curves = [("sticker", found.of("sticker", victim, learned))]
    curves += [(what, trials) for what in ("picture", "noise") if (trials := found.of(what, victim))]
    main = _at(curves[0][1], about["area"])
    shown = [Shown(shot, as_picture(shot.picture / np.float32(255), LONGEST)) for shot in found.shots]
    hit = max((one for one in found.shots if one.model == victim), key=lambda one: (one.hit, one.sure or 0.0))
    film = found.film
    return {
        "about": about,
        "created": wording.moment(about["created"]),
        "main": main,
        "noise": _at(found.of("noise", victim), about["area"]),
        "picture_of_it": _at(found.of("picture", victim), about["area"]),
        "sticker": as_picture(cut_out(found.texture, found.alpha), LONGEST_FIRST),
        "first": Shown(hit, as_picture(hit.picture / np.float32(255), LONGEST_FIRST)),
        "curve": sizes(curves, "sizes"),
        "curves": curves,
        "rows": _matrix(found),
        "models": about["models"],
        "relatives": all("inverted residuals" in one["family"] for one in about["models"]),
        "shots": shown,
        "film": film,
        "frames": frames(film, "frames") if film else None,
        "strip": [Shown(one, as_picture(one.picture / np.float32(255), _FRAME)) for one in film.shots] if film else [],
        "in_film": sum(film.hit) / len(film.hit) if film else 0.0,
        "prints": prints,
        "settings": _settings(about),
        "cpu": sum(one["cpu_seconds"] for one in about["cost"]),
    }


def _at(trials: list[Trial], area: float) -> Trial | None:
    return next((one for one in trials if abs(one.area - area) < 1e-9), None)


def _matrix(found: Found) -> list[Row]:
    """Put every sticker that was learned in a line, in the order in which they were learned."""
    names = [one["name"] for one in found.about["models"]]
    groups = list(dict.fromkeys(trial.learned for trial in found.trials if trial.what == "sticker"))
    area = found.about["area"]
    return [Row(group, [_at(found.of("sticker", name, group), area) for name in names]) for group in groups]


def cut_out(texture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay a sticker (c, s, t) uint8 on white, at the size of its form (s, t) uint8: (c, s, t) float32 in [0, 1]."""
    down, across = (np.arange(side) * size // side for side, size in zip(alpha.shape, texture.shape[1:], strict=True))
    colours = texture[:, down][:, :, across] / np.float32(255)
    share = alpha[None] / np.float32(255)
    shown: np.ndarray = (colours * share + (1 - share)).astype(np.float32)
    return shown


def _settings(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    learned, scene = about["settings"], about["scene"]
    told = {
        "goal": about["goal"],
        "steps": f"{learned['steps']} of {learned['batch']} photographs",
        "first step, loss": f"{learned['step']:g}, {learned['loss']}",
        "texels": f"{learned['side']} x {learned['side']}",
        "pictures learned on": ", ".join(f"{height} x {width}" for height, width in learned["sizes"]),
        "smaller at first": f"{learned['coarse']:.0%} of that for {learned['early']:.0%} of the steps",
        "form": f"{learned['outline']['form']}, width over height {learned['outline']['aspect']:g}",
        "turned by": f"up to {scene['rotation']:g} degrees either way",
        "place": "anywhere" if scene["place"] is None else f"fixed: {scene['place']}",
        "light": f"contrast +-{scene['contrast']:g}, brightness +-{scene['brightness']:g}",
        "seed": about["seed"],
        "unfooled": about["unfooled"],
    }
    return [(word, str(value)) for word, value in told.items()]


def share(rate: Rate | None) -> str:
    """Write a rate with its interval."""
    if rate is None:
        return "\u2013"
    low, high = (wording.percent(one) for one in rate.interval)
    return f"{wording.percent(rate.share)} ({low} to {high})"
