"""Figures as SVG inside the page: they take its colours, its font and its dark mode, and need no library to show."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from unfooled.core.curve import Point
from unfooled.core.rates import Interval

from .tables import Line, Score, Stage
from .wording import Threat, measured, percent

# Colours that matplotlib writes; the page's own take their place, so that one figure serves both of its themes.
INK, MUTED, GRID = "#101112", "#717273", "#d1d2d3"
STANDS, STANDS_SOFT, FOOLED, FOOLED_SOFT = "#1a5276", "#a9c7da", "#c23b1a", "#f0c4b6"
THEME = {
    INK: "ink", MUTED: "muted", GRID: "rule", STANDS: "stands", STANDS_SOFT: "stands-soft",
    FOOLED: "fooled", FOOLED_SOFT: "fooled-soft",
}  # fmt: skip
FINE, NEARLY_ALL = 121, 0.98
"""At how many radii a curve is read off, and which share of what was found it must show where there is no limit."""
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # to measure by; the page puts its own font in its place
    "font.size": 10,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "svg.fonttype": "none",
    "path.simplify": False,
}


def curve(line: Line, scores: Mapping[str, Score], name: str) -> Markup:
    """Draw robust accuracy against the radius, from no change at all to the largest that was looked at.

    A dot is a radius that was audited. Between the dots a line guides the eye; where an attack looked for the nearest
    success, it is what that attack found.

    Args:
        line: The threats of the curve and what they found.
        scores: What each of them left standing, by name.
        name: A word that no other figure of the page has, for the ids inside.
    """
    audited = [scores[threat.name] for threat in line.limited]
    first = scores[line.threats[0].name]
    dots = [(0.0, "0", first.clean, first.clean_interval)]
    dots += [
        (threat.radius or 0.0, threat.size, score.share, score.interval)
        for threat, score in zip(line.limited, audited, strict=True)
    ]
    between = [(point.radius, point.robust_accuracy, point.interval) for point in _between(line)]
    path = between or [(radius, share, interval) for radius, _, share, interval in dots]
    radii = [radius for radius, *_ in path]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.3), layout="constrained")
        axes = figure.add_subplot()
        low, high = zip(*(interval for *_, interval in path), strict=True)
        axes.fill_between(radii, low, high, color=STANDS_SOFT, alpha=0.35, lw=0)
        axes.plot(radii, [share for _, share, _ in path], color=STANDS, lw=2)
        _dots(axes, dots)
        words = "; ".join(f"{size}: {percent(share)}" for _, size, share, _ in dots)
        if line.close and line.curve.median <= radii[-1]:
            axes.axvline(line.curve.median, color=MUTED, lw=1, ls=(0, (3, 3)))
            half = f"half fall within {measured(line.curve.median, line.threats[0])}"
            axes.annotate(half, (line.curve.median, 1.06), (5, 0), textcoords="offset points", color=MUTED, va="center")
            words = f"{words}; {half}"
        if radii[-1] > 1.2 * dots[-1][0]:  # beyond what was audited: plain numbers
            axes.set_xticks(*_round(radii[-1], line.threats[0]))
        axes.set_xlim(-0.03 * radii[-1], 1.12 * radii[-1])
        axes.set_xlabel(f"Largest change allowed ({line.threats[0].measure})".removesuffix(" ()"))
        return drawn(figure, name, f"Robust accuracy by largest change allowed. {words}.")


def _dots(axes: Axes, dots: Sequence[tuple[float, str, float, Interval]]) -> None:
    """Draw the radii that were audited, with their intervals, and label them where there is room."""
    radii, sizes, shares, bounds = zip(*dots, strict=True)
    axes.vlines(radii, [b.low for b in bounds], [b.high for b in bounds], color=STANDS, lw=1)
    axes.plot(radii, shares, "o", color=STANDS, ms=6)
    ticks = _spaced(radii, sizes)
    for radius, share, tick in zip(radii, shares, ticks, strict=True):
        if tick:
            axes.annotate(percent(share), (radius, share), (6, 5), textcoords="offset points", color=INK)
    axes.set(ylim=(-0.02, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1])
    if len(radii) > 1:
        axes.set_xticks(radii, ticks)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
    axes.grid(axis="y")
    axes.tick_params(length=0)


def _round(reach: float, threat: Threat) -> tuple[list[float], list[str]]:
    """Choose round radii up to `reach` for an axis, and write them."""
    unit = 255 if threat.family == "linf" and threat.pictures else 1
    ticks = [
        float(tick) / unit
        for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(0, reach * unit)
        if tick <= reach * unit
    ]
    return ticks, [measured(tick, threat).partition(" ")[0] for tick in ticks]


def _between(line: Line) -> list[Point]:
    """Read the curve off at many radii, up to the largest audited or, without a limit, to what nearly all need."""
    reach = max([threat.radius or 0.0 for threat in line.limited], default=0.0)
    if line.threats[-1].unlimited and line.found.size:
        reach = max(reach, float(np.quantile(line.found, NEARLY_ALL)))
    return [line.curve.at(float(radius)) for radius in np.linspace(0, reach, FINE)] if line.close and reach else []


def _spaced(radii: Sequence[float], labels: Sequence[str]) -> list[str]:
    """Blank the labels that would run into the one before."""
    shown, last = list(labels), 0.0
    for place in range(1, len(radii)):
        if radii[place] - last < radii[-1] / 9 and place < len(radii) - 1:
            shown[place] = ""
        else:
            last = radii[place]
    return shown


def attacks(stages: Sequence[Stage], name: str) -> Markup:
    """Draw what each attack broke of what it tried, beside what that cost.

    Args:
        stages: The attacks of one threat, in the order in which they were tried.
        name: A word that no other figure of the page has, for the ids inside.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 0.6 + 0.36 * len(stages)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        places = range(len(stages))
        tried, broken = ([stage.row[word] for stage in stages] for word in ("tried", "broken"))
        left.barh(places, tried, color=FOOLED_SOFT, height=0.62)
        left.barh(places, broken, color=FOOLED, height=0.62)
        _label(
            left, tried, [f"{hit:,} of {of:,}" if of else "none left" for hit, of in zip(broken, tried, strict=True)]
        )
        left.set_yticks(places, [stage.row["attack"] for stage in stages])
        left.tick_params(axis="y", labelcolor=INK)
        left.invert_yaxis()
        left.set_title("Broken, of those tried", loc="left", fontsize=10, color=MUTED)
        passes = [stage.passes for stage in stages]
        right.barh(places, passes, color=STANDS, height=0.62)
        _label(right, passes, [f"{number:,}" for number in passes])
        right.set_title("Passes through the model", loc="left", fontsize=10, color=MUTED)
        words = "; ".join(
            f"{stage.row['attack']} broke {stage.row['broken']:,} of {stage.row['tried']:,} "
            f"in {stage.passes:,} passes through the model"
            for stage in stages
        )
        return drawn(figure, name, f"What each attack broke and at what cost. {words}.")


def _label(axes: Axes, lengths: Sequence[float], words: Sequence[str]) -> None:
    """Write beside each bar and take the axis away that this makes needless."""
    for place, (length, word) in enumerate(zip(lengths, words, strict=True)):
        axes.annotate(word, (length, place), (5, 0), textcoords="offset points", va="center", color=INK)
    axes.set(xlim=(0, 1.45 * max([*lengths, 1])), xticks=[])
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)


def drawn(figure: Figure, name: str, words: str) -> Markup:
    """Write a figure for use inside a page: no declarations, no fixed size, colours by name, ids of its own."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(?<= )id="|(?<=href=")#|(?<=url\()#', lambda found: found[0] + name + "-", svg)
    for colour, word in THEME.items():
        svg = svg.replace(colour, f"var(--{word})")
    box = re.search(r'viewBox="[^"]*"', svg)
    start = f'<svg class="chart" role="img" aria-label="{escape(words)}" {box[0] if box else ""}>'
    return Markup(start + svg[svg.index(">") + 1 :])  # noqa: S704  matplotlib has escaped every name
