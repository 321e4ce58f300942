"""Robust accuracy by what the attacker knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from unfooled.core.names import BY

from . import tables
from .charts import INK, STANDS, STANDS_SOFT, STYLE, drawn
from .wording import Threat, percent

SEES = {"gradient": "a copy of the model", "scores": "its scores", "decision": "its labels"}
_ORDER = list(SEES)


@dataclass(frozen=True)
class Knowledge:
    """One question, put to attackers who see different things.

    Attributes:
        question: The threat's name without what the attacker sees.
        lines: What each of them left standing, who sees most first.
    """

    question: str
    lines: list[tuple[Threat, tables.Score]]

    @property
    def sentence(self) -> str:
        """Say it in a sentence."""
        told = (f"{SEES[_access(threat)]}: {percent(score.share)}" for threat, score in self.lines)
        return f"{self.question}, robust accuracy where the attacker sees {'; '.join(told)}."

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        lines = [
            {"access": _access(threat), "threat": threat.name, "robust_accuracy": score.share,
             "interval": list(score.interval)}
            for threat, score in self.lines
        ]  # fmt: skip
        return {"question": self.question, "lines": lines}


def by_knowledge(scores: Mapping[str, tables.Score], threats: Mapping[str, Threat]) -> list[Knowledge]:
    """Gather the threats with a limit that differ in what the attacker sees, over as many examples each."""
    groups: dict[str, list[tuple[Threat, tables.Score]]] = {}
    for name in tables.limits(threats):
        groups.setdefault(name.partition(BY)[0], []).append((threats[name], scores[name]))
    for group in groups.values():
        group.sort(key=lambda line: _ORDER.index(_access(line[0])))
    return [Knowledge(question, group) for question, group in groups.items()
            if len(group) > 1 and len({score.n for _, score in group}) == 1]  # fmt: skip


def chart(found: Knowledge, name: str) -> Markup:
    """Draw robust accuracy by what the attacker sees, each with its 95 % interval.

    Args:
        found: What was found.
        name: A word that no other figure of the page has, for the ids inside.
    """
    clean = found.lines[0][1]
    bars = [("nothing: nobody attacks", clean.clean, clean.clean_interval)]
    bars += [(SEES[_access(threat)], score.share, score.interval) for threat, score in reversed(found.lines)]
    places = range(len(bars))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 0.9 + 0.42 * len(bars)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(places, [share for _, share, _ in bars], color=STANDS_SOFT, height=0.62)
        axes.hlines(places, [bar.low for *_, bar in bars], [bar.high for *_, bar in bars], color=STANDS, lw=2)
        for place, (_, share, interval) in enumerate(bars):
            axes.annotate(percent(share), (max(share, interval.high), place), (5, 0), textcoords="offset points",
                          va="center", color=INK)  # fmt: skip
        axes.set_yticks(places, [label for label, *_ in bars])
        axes.tick_params(length=0)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.invert_yaxis()
        axes.set(xlim=(0, 1.15), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="Robust accuracy")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol="\u202f%"))
        return drawn(figure, name, found.sentence)


def _access(threat: Threat) -> str:
    return str(threat.settings["access"]).lower()
