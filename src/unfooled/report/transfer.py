"""A table of transfer as one HTML page: who must fear an attacker that owns another model."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unfooled.core.matrix import Cell, Matrix, Party

from .charts import FOOLED, GRID, INK, MUTED, STYLE, drawn
from .page import environment, write_page
from .wording import THIN, percent


def heat_map(matrix: Matrix, attack: str, name: str) -> Markup:
    """Draw for one attack which share of the examples fooled each target, by what was climbed.

    Args:
        matrix: The table.
        attack: One of its attacks.
        name: A word that no other figure of the page has, for the ids inside.
    """
    cells = matrix.of(attack)
    rows = list(dict.fromkeys(_row(cell) for cell in cells))
    columns = [party.name for party in matrix.parties]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.4 + 1.5 * len(columns), 0.9 + 0.62 * len(rows)), layout="constrained")
        axes = figure.add_subplot(xlim=(0, len(columns)), ylim=(len(rows), 0))
        for cell in cells:
            across, down = columns.index(cell.target), rows.index(_row(cell))
            axes.add_patch(Rectangle((across, down), 1, 1, facecolor=FOOLED, alpha=0.6 * cell.share, lw=0))
            axes.add_patch(Rectangle((across, down), 1, 1, fill=False, edgecolor=GRID, lw=0.8))
            words = f"{share(cell)}\n{cell.fooled:,} of {cell.n:,}" + (", itself" if cell.own else "")
            axes.text(across + 0.5, down + 0.5, words, ha="center", va="center", fontsize=9, color=INK)
        axes.set_xticks([place + 0.5 for place in range(len(columns))], columns)
        axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelcolor=INK)
        axes.set_title("Climbed (rows), fooled (columns)", loc="left", fontsize=10, color=MUTED)
        axes.spines[:].set_visible(False)
        told = "; ".join(f"{_row(cell)} to {cell.target}: {share(cell)}" for cell in cells)
        return drawn(figure, name, f"Share fooled under {attack}. {told}.")


def share(cell: Cell) -> str:
    """Write a cell's share; a dash where the target reads nothing rightly."""
    return percent(cell.share if cell.n else None)


def span(cell: Cell) -> str:
    """Write the interval of a cell's share likewise."""
    return f"{percent(cell.interval.low)} to {percent(cell.interval.high)}" if cell.n else percent(None)


def sentences(matrix: Matrix) -> list[str]:
    """Say of each target what the best attack made of it that never climbed it."""
    said = []
    for party in matrix.parties:
        foreign = [cell for cell in matrix.cells if cell.target == party.name and not cell.own and cell.n]
        if not foreign:
            said.append(f"{party.name} reads none of these examples rightly, so there was nothing to fool it with.")
            continue
        best = max(foreign, key=lambda cell: cell.share)
        low, high = (percent(end).removesuffix(f"{THIN}%") for end in best.interval)
        said.append(
            f"Somebody who owns {' and '.join(best.sources)}, and has never asked {party.name} anything, fools it with "
            f"{best.fooled:,} of {best.n:,} examples: {percent(best.share)}, 95{THIN}% interval {low} to {high}{THIN}% "
            f"({best.attack})."
        )
    return said


def render_transfer(matrix: Matrix) -> str:
    """Write the table as one HTML page that loads nothing."""
    return (
        environment()
        .get_template("transfer.html.j2")
        .render(
            matrix=matrix,
            share=share,
            span=span,
            sentences=sentences(matrix),
            maps=[(attack, heat_map(matrix, attack, f"map{i}")) for i, attack in enumerate(matrix.attacks)],
            described=[_described(party) for party in matrix.parties],
        )
        .lstrip()
    )


def write_transfer(matrix: Matrix, path: str | Path) -> Path:
    """Write the page into a file; returns its path.

    Raises:
        RunError: It cannot be written.
    """
    return write_page(render_transfer(matrix), path)


def _row(cell: Cell) -> str:
    return " + ".join(cell.sources)


def _described(party: Party) -> str:
    learned = f"trained on {party.learned}" if party.learned else "trained on what was not said"
    return f"{party.name}: {party.family or 'an unknown architecture'}, {learned}"
