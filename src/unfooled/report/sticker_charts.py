"""The figures of a sticker's report."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from unfooled.core.trials import Film, Trial

from .charts import FOOLED, FOOLED_SOFT, MUTED, STANDS, STANDS_SOFT, STYLE, drawn
from .wording import percent

_LINES = {
    "sticker": (FOOLED, FOOLED_SOFT, "the sticker"),
    "picture": (STANDS, STANDS_SOFT, "a picture of the target"),
    "noise": (MUTED, MUTED, "noise"),
}


def sizes(curves: Sequence[tuple[str, Sequence[Trial]]], name: str) -> Markup:
    """Draw how often the goal is reached against the area, for each thing that was tried.

    Args:
        curves: Each thing, `sticker`, `noise` or `picture`, with its trials, smallest first.
        name: A word that no other figure of the page has, for the ids inside.
    """
    words = []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.3), layout="constrained")
        axes = figure.add_subplot()
        for what, trials in curves:
            colour, soft, called = _LINES[what]
            areas, shares = [100 * one.area for one in trials], [one.hit.share for one in trials]
            low, high = zip(*(one.hit.interval for one in trials), strict=True)
            if what == "sticker":
                axes.fill_between(areas, low, high, color=soft, alpha=0.35, lw=0)
            axes.plot(areas, shares, "o-", color=colour, lw=2, ms=5)
            axes.annotate(
                called, (areas[-1], shares[-1]), (6, 0), textcoords="offset points", color=colour, va="center"
            )
            listed = ", ".join(f"{area:g} %: {percent(share)}" for area, share in zip(areas, shares, strict=True))
            words.append(f"{called}: {listed}")
        last = max(100 * one.area for _, trials in curves for one in trials)
        axes.set(xlim=(0, 1.45 * last), xlabel="Area of the picture that it covers (%)")
        axes.set_xticks([100 * one.area for one in curves[0][1]])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        _shares(axes)
        return drawn(figure, name, f"How often the goal is reached by area. {'; '.join(words)}.")


def frames(film: Film, name: str) -> Markup:
    """Draw the share of photographs on which each frame of a moving view reaches the goal."""
    numbers = list(range(1, len(film.hit) + 1))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(numbers, film.hit, step="mid", color=FOOLED_SOFT, alpha=0.6, lw=0)
        axes.step(numbers, film.hit, where="mid", color=FOOLED, lw=2)
        ends = [0, len(numbers) // 2, len(numbers) - 1]
        axes.set_xticks([numbers[k] for k in ends], [f"frame {numbers[k]}\n{film.areas[k]:.0%} of it" for k in ends])
        _shares(axes)
        share = sum(film.hit) / len(film.hit)
        return drawn(figure, name, f"Goal reached frame by frame; {percent(share)} of all frames.")


def _shares(axes: Axes) -> None:
    axes.set(ylim=(-0.04, 1.08), yticks=[0, 0.25, 0.5, 0.75, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
    axes.grid(axis="y")
    axes.tick_params(length=0)
