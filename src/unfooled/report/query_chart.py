"""The figure of the attacker's bill."""

from __future__ import annotations

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .charts import FOOLED, FOOLED_SOFT, STYLE, drawn
from .queries import QueryBill
from .wording import percent


def queries(bill: QueryBill, name: str) -> Markup:
    """Draw the share of examples that fell against the questions asked about each, with its 95 % interval.

    Args:
        bill: What it took.
        name: A word that no other figure of the page has, for the ids inside.
    """
    points = bill.curve
    if not points:
        return Markup("")
    asked = [point.queries for point in points]
    shares = [point.fallen / bill.n for point in points]
    low, high = zip(*(point.interval for point in points), strict=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.3), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(asked, low, high, step="post", color=FOOLED_SOFT, alpha=0.35, lw=0)
        axes.step([1, *asked], [0, *shares], where="post", color=FOOLED, lw=2)
        axes.set(
            xscale="log", ylim=(-0.02, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1], xlabel="Questions asked, each example"
        )
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        words = "; ".join(f"{point.queries:,}: {percent(point.fallen / bill.n)}" for point in points)
        return drawn(figure, name, f"Share fooled by questions asked. {words}.")
