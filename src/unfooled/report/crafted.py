"""The part of the page on a change that was learned once for all examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from unfooled.core.rates import wilson

from .charts import FOOLED, FOOLED_SOFT, STYLE, drawn
from .wording import count, percent


@dataclass(frozen=True)
class Crafted:
    """What was learned, and about whom it fools the model.

    Attributes:
        sentences: What was done and found, in plain words.
        picture: The change magnified around mid-grey, as a data URI; empty where it is no picture.
        figure: Fooled by the number of pictures learned from; empty where only one number was tried.
    """

    sentences: list[str]
    picture: str
    figure: Markup


def crafted(run: Mapping[str, Any]) -> Crafted | None:
    """Tell of what a run learned; None where it learned nothing."""
    found = run.get("crafted")
    if found is None:
        return None
    made, (fallen, right), (noise, _) = found["made"], found["fallen"], found["noise"]
    if not right:
        told = "One change was learned, and there was nothing to try it on: the model reads none of these rightly."
        return Crafted([told], _shown(found), Markup(""))
    sentences = [
        f"One and the same change, learned from {count(made['examples'], 'other picture')} within {made['within']}, "
        f"fools the model about {fallen:,} of {right:,} that it reads rightly ({percent(fallen / right)}); of "
        f"those learned from, about {made['fooled'][0]:,} of {made['examples']:,}.",
        f"Noise of the same size fools it about {noise:,} of {right:,} ({percent(noise / right)}).",
    ]
    points = [(examples, *fell) for examples, fell in found["fewer"]] + [(made["examples"], fallen, right)]
    return Crafted(sentences, _shown(found), _figure(points, noise) if len(points) > 1 else Markup(""))


def _shown(found: Mapping[str, Any]) -> str:
    return "" if found["picture"] is None else f"data:image/png;base64,{found['picture']}"


def _figure(points: list[tuple[int, int, int]], noise: int) -> Markup:
    """Draw the share fooled against the number of pictures learned from, with 95 % intervals."""
    points = sorted(points)
    learned = [examples for examples, *_ in points]
    shares = [fallen / right for _, fallen, right in points]
    low, high = zip(*(wilson(fallen, right) for _, fallen, right in points), strict=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.3), layout="constrained")
        axes = figure.add_subplot()
        axes.fill_between(learned, low, high, color=FOOLED_SOFT, alpha=0.35, lw=0)
        axes.plot(learned, shares, "o-", color=FOOLED, lw=2)
        axes.axhline(noise / points[0][2], color=FOOLED, lw=1, ls=(0, (3, 3)))
        axes.annotate("noise", (learned[0], noise / points[0][2]), (0, 4), textcoords="offset points", color=FOOLED)
        axes.set(xscale="log", ylim=(-0.02, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1], xlabel="Pictures learned from")
        axes.set_xticks(learned, [f"{one:,}" for one in learned], minor=False)
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
        axes.grid(axis="y")
        axes.tick_params(length=0)
        words = "; ".join(f"{examples:,}: {percent(share)}" for examples, share in zip(learned, shares, strict=True))
        return drawn(figure, "crafted", f"Share fooled by number of pictures learned from. {words}.")
