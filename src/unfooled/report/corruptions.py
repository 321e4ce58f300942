"""The part of the page on what needs no adversary: noise, blur, weather, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from unfooled.core.rates import Interval

from .charts import MUTED, STANDS, STANDS_SOFT, STYLE, drawn
from .wording import percent


@dataclass(frozen=True)
class Cell:
    """Accuracy under one corruption at one severity, with its 95 % interval over the sampling of examples."""

    share: float
    interval: Interval


@dataclass(frozen=True)
class Corrupted:
    """Accuracy by corruption and severity.

    Attributes:
        n: How many examples were asked about, each time.
        clean: Without any corruption.
        rows: Name, family and the cells of severities 1 to 5 of each corruption.
        figure: The same as small charts.
    """

    n: int
    clean: Cell
    rows: list[tuple[str, str, list[Cell]]]
    figure: Markup

    @property
    def mean(self) -> float:
        """Mean accuracy over all corruptions and severities, 0 to 1."""
        cells = [cell.share for *_, line in self.rows for cell in line]
        return sum(cells) / len(cells)


def corrupted(run: Mapping[str, Any]) -> Corrupted | None:
    """Read what `unfooled corruptions` added to a run; None where it added nothing."""
    found = run.get("corruptions")
    if found is None:
        return None
    clean, *rows = found["rows"]
    lines: dict[tuple[str, str], list[Cell]] = {}
    for row in rows:
        lines.setdefault((row["corruption"], row["family"]), []).append(_cell(row))
    table = [(name, family, cells) for (name, family), cells in lines.items()]
    return Corrupted(clean["n"], _cell(clean), table, _figure(_cell(clean), table))


def _cell(row: Mapping[str, Any]) -> Cell:
    return Cell(row["right"] / row["n"], Interval(row["low"], row["high"]))


def _figure(clean: Cell, rows: list[tuple[str, str, list[Cell]]]) -> Markup:
    """Draw one small chart a corruption: accuracy from no severity to the fifth."""
    across = min(5, len(rows))
    down = -(-len(rows) // across)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(1.9 * across, 1.6 * down), layout="constrained")
        charts = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flatten()
        for axes, (name, _, cells) in zip(charts, rows, strict=False):
            line = [clean, *cells]
            low, high = zip(*(cell.interval for cell in line), strict=True)
            axes.fill_between(range(len(line)), low, high, color=STANDS_SOFT, alpha=0.35, lw=0)
            axes.plot([cell.share for cell in line], color=STANDS, lw=2)
            axes.set_title(name, loc="left", fontsize=9, color=MUTED)
            axes.set(ylim=(0, 1.05), yticks=[0, 0.5, 1], xticks=range(len(line)))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
            axes.grid(axis="y")
            axes.tick_params(length=0)
        for axes in charts[len(rows) :]:
            axes.set_axis_off()
        words = "; ".join(f"{name}: {', '.join(percent(cell.share) for cell in cells)}" for name, _, cells in rows)
        return drawn(figure, "corruptions", f"Accuracy by severity of each corruption. {words}.")
