"""The part of the page on a change that was learned once for all examples."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from unfooled.core.rates import wilson
from unfooled.modalities.wav import LEVELS, Wav16

from .charts import FOOLED, FOOLED_SOFT, STYLE, drawn
from .sounds import Track, track
from .wording import count, percent


@dataclass(frozen=True)
class Crafted:
    """What was learned, and about whom it fools the model.

    Attributes:
        sentences: What was done and found, in plain words.
        picture: The change magnified around mid-grey, as a data URI; empty where it is no picture.
        tracks: The change as it is added, and magnified, each with what it is; empty where it is no recording.
        figure: Fooled by the number of examples learned from; empty where only one number was tried.
    """

    sentences: list[str]
    picture: str
    tracks: list[tuple[str, Track]]
    figure: Markup


def crafted(run: Mapping[str, Any]) -> Crafted | None:
    """Tell of what a run learned; None where it learned nothing."""
    found = run.get("crafted")
    if found is None:
        return None
    made, (fallen, right), (noise, _) = found["made"], found["fallen"], found["noise"]
    noun = "picture" if found.get("sound") is None else "recording"
    if not right:
        told = "One change was learned, and there was nothing to try it on: the model reads none of these rightly."
        return Crafted([told], _shown(found), _tracks(found), Markup(""))
    sentences = [
        f"One and the same change, learned from {count(made['examples'], f'other {noun}')} within {made['within']}, "
        f"fools the model about {fallen:,} of {right:,} that it reads rightly ({percent(fallen / right)}); of "
        f"those learned from, about {made['fooled'][0]:,} of {made['examples']:,}.",
        f"Noise of the same size fools it about {noise:,} of {right:,} ({percent(noise / right)}).",
    ]
    points = [(examples, *fell) for examples, fell in found["fewer"]] + [(made["examples"], fallen, right)]
    figure = _figure(points, noise, noun) if len(points) > 1 else Markup("")
    return Crafted(sentences, _shown(found), _tracks(found), figure)


def _shown(found: Mapping[str, Any]) -> str:
    return "" if found["picture"] is None else f"data:image/png;base64,{found['picture']}"


def _tracks(found: Mapping[str, Any]) -> list[tuple[str, Track]]:
    if found.get("sound") is None:
        return []
    carrier = Wav16(found["sound"]["rate"])
    stored = np.frombuffer(base64.b64decode(found["sound"]["samples"]), "<i2").astype(np.int16)
    factor = max(1, int(LEVELS - 1) // max(1, int(np.abs(stored.astype(np.int64)).max())))
    told = f"What is added, {len(stored) / carrier.rate:.2f} s"
    return [(told, track(stored, carrier)), (f"Magnified {factor} times", track(stored * np.int16(factor), carrier))]


def _figure(points: list[tuple[int, int, int]], noise: int, noun: str) -> Markup:
    """Draw the share fooled against the number of examples learned from, with 95 % intervals."""
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
        axes.set(
            xscale="log", ylim=(-0.02, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1], xlabel=f"{noun.capitalize()}s learned from"
        )
        axes.set_xticks(learned, [f"{one:,}" for one in learned], minor=False)
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
        axes.grid(axis="y")
        axes.tick_params(length=0)
        words = "; ".join(f"{examples:,}: {percent(share)}" for examples, share in zip(learned, shares, strict=True))
        return drawn(figure, "crafted", f"Share fooled by number of {noun}s learned from. {words}.")
