"""Figures as SVG inside the page: they take its colours, its font and its dark mode, and need no library to show."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .tables import Score, Stage
from .wording import Threat, percent

# Colours that matplotlib writes; the page's own take their place, so that one figure serves both of its themes.
INK, MUTED, GRID = "#101112", "#717273", "#d1d2d3"
STANDS, STANDS_SOFT, FOOLED, FOOLED_SOFT = "#1a5276", "#a9c7da", "#c23b1a", "#f0c4b6"
THEME = {
    INK: "ink", MUTED: "muted", GRID: "rule", STANDS: "stands", STANDS_SOFT: "stands-soft",
    FOOLED: "fooled", FOOLED_SOFT: "fooled-soft",
}  # fmt: skip
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


def curve(threats: Sequence[Threat], scores: Mapping[str, Score], name: str) -> Markup:
    """Draw robust accuracy against the radius, from no change at all to the largest radius audited.

    Args:
        threats: The threats of one curve, smallest radius first.
        scores: What each of them left standing, by name.
        name: A word that no other figure of the page has, for the ids inside.
    """
    lines = [scores[threat.name] for threat in threats]
    radii = [0.0] + [threat.radius or 0.0 for threat in threats]
    labels = ["0"] + [threat.size for threat in threats]
    shares = [lines[0].clean] + [line.share for line in lines]
    bounds = [lines[0].clean_interval] + [line.interval for line in lines]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.3), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(radii, [b.low for b in bounds], [b.high for b in bounds], color=STANDS_SOFT, alpha=0.35, lw=0)
        axes.plot(radii, shares, color=STANDS, lw=2)
        axes.vlines(radii, [b.low for b in bounds], [b.high for b in bounds], color=STANDS, lw=1)
        axes.plot(radii, shares, "o", color=STANDS, ms=6)
        ticks = _spaced(radii, labels)
        for radius, share, tick in zip(radii, shares, ticks, strict=True):
            if tick:
                axes.annotate(percent(share), (radius, share), (6, 5), textcoords="offset points", color=INK)
        axes.set(ylim=(-0.02, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1], xticks=radii, xticklabels=ticks)
        axes.set_xlim(-0.03 * radii[-1], 1.12 * radii[-1])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
        axes.set_xlabel("Largest change allowed")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        words = "; ".join(f"{label}: {percent(share)}" for label, share in zip(labels, shares, strict=True))
        return _svg(figure, name, f"Robust accuracy by largest change allowed. {words}.")


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
        return _svg(figure, name, f"What each attack broke and at what cost. {words}.")


def _label(axes: Axes, lengths: Sequence[float], words: Sequence[str]) -> None:
    """Write beside each bar and take the axis away that this makes needless."""
    for place, (length, word) in enumerate(zip(lengths, words, strict=True)):
        axes.annotate(word, (length, place), (5, 0), textcoords="offset points", va="center", color=INK)
    axes.set(xlim=(0, 1.45 * max([*lengths, 1])), xticks=[])
    axes.tick_params(length=0)
    axes.spines["bottom"].set_visible(False)


def _svg(figure: Figure, name: str, words: str) -> Markup:
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
