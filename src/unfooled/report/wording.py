"""Numbers and threats in plain sentences, for readers outside the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import log10
from typing import Any

import numpy as np

from unfooled.core.curve import kind_of
from unfooled.core.names import BY

from .kinds import EDITS, FAMILIES, LOUDNESS, MEASURES, MOVES, SIGHTS, WORDED

THIN = "\u202f"  # narrow space that does not break, between a number and its unit


@dataclass(frozen=True)
class Threat:
    """One threat of the run, as `run["threats"]` describes it.

    Attributes:
        settings: Its entry in the run.
        classes: Names of the classes, or what labels stand for where a model writes; None where neither is known.
        pictures: Whether its examples are pictures.
    """

    settings: Mapping[str, Any]
    classes: list[str] | dict[int, str] | None
    pictures: bool

    @property
    def name(self) -> str:
        """Name in the grammar of threats."""
        return str(self.settings["name"])

    @property
    def family(self) -> str:
        """The kind of set: `linf` of `linf:4/255@mask-1a2b`, `rotate,shift` of two limits."""
        return kind_of(str(self.settings["within"]).partition("@")[0])

    @property
    def size(self) -> str:
        """The radius as people write it: `4/255` of `linf:4/255@mask-1a2b`, `0.5/255` of a long decimal."""
        size = str(self.settings["within"]).partition(":")[2].partition("@")[0]
        if self.radius is None or len(size) <= 6:
            return size
        return f"{255 * self.radius:.3g}/255" if self.family == "linf" and self.pictures else f"{self.radius:.3g}"

    @property
    def radius(self) -> float | None:
        """Largest distance allowed; None where there is no limit, or the set has none."""
        radius: float | None = self.settings["radius"]
        return radius

    @property
    def unlimited(self) -> bool:
        """Whether it asks how far an attacker must go, instead of whether they can stay within a radius."""
        return self.radius is None and self.family in MEASURES

    @property
    def measure(self) -> str:
        """What its distance is, in words; empty where that is not known."""
        return MEASURES.get(self.family, "").format(site=self.site)

    @property
    def site(self) -> str:
        """What one place of an example is called."""
        return "pixel" if self.pictures else "value"

    @property
    def region(self) -> str:
        """The region that alone may change: `mask-1a2b` of `linf:4/255@mask-1a2b`; empty for none."""
        return self.name.partition(BY)[0].partition("@")[2]

    @property
    def sees(self) -> str:
        """What the attacker goes by, in a word: `labels` of `linf:4/255 by labels`; empty where they have the model."""
        return self.name.partition(BY)[2]

    @property
    def series(self) -> tuple[str, ...]:
        """What threats must share to stand on one curve: everything but the radius."""
        return self.goal, self.family, self.region, self.settings["access"], self.settings["carrier"]

    @property
    def goal(self) -> str:
        """What the attacker wants, in the grammar of goals."""
        return str(self.settings["goal"] or "misclassify")

    @property
    def texts(self) -> bool:
        """Whether its examples are texts."""
        return self.family in EDITS

    @property
    def sounds(self) -> bool:
        """Whether its examples are recordings."""
        return str(self.settings["carrier"]).startswith("wav")

    @property
    def noun(self) -> str:
        """What one example is called."""
        return "picture" if self.pictures else "text" if self.texts else "recording" if self.sounds else "example"

    @property
    def change(self) -> str:
        """What the attacker may do, as the end of 'somebody who may'."""
        parts = [part.partition(":") for part in str(self.settings["within"]).split(",")]
        if all(kind in MOVES for kind, _, _ in parts):
            moves = [MOVES[kind].format(whole=f"the {self.noun}", size=size) for kind, _, size in parts]
            return _singular(" and ".join(moves)).replace("% pixels", "% of its sides")
        template = "change {whole} in any way" if self.unlimited else (FAMILIES | EDITS).get(self.family)
        if template is None or not (self.size or self.unlimited):
            return f"make any change within {self.settings['within']}"
        scale = " of full brightness" if self.pictures else ""
        size = percent(self.radius) if self.family in ("words", "listed") else self.size
        words = _singular(template.format(site=self.site, whole=f"the {self.noun}", size=size, scale=scale))
        return f"{words}{self._part}" if self.region and not self.texts else words

    @property
    def _part(self) -> str:
        """Where alone an example may change."""
        if not self.sounds:
            return " inside a marked region"
        kind, _, size = self.region.partition(":")
        if kind == "first":
            return f" in its first {size.removesuffix('s')} seconds"
        band = self.region.removesuffix("Hz").replace("-", " to ")
        return " where it is silent" if kind == "silence" else f" at frequencies of {band} hertz"

    @property
    def sight(self) -> str:
        """What the attacker knows, as the end of 'somebody who'."""
        return SIGHTS[str(self.settings["access"]).lower()]

    @property
    def visibility(self) -> str:
        """How well people see the largest change, where a rule of thumb exists; empty otherwise."""
        if not self.pictures or self.family != "linf" or self.radius is None or self.radius > 8.01 / 255:
            return ""
        return "too little for most people to notice" if self.radius < 2.01 / 255 else "little enough to be overlooked"

    @property
    def aim(self) -> str:
        """What success looks like, as a verb after 'somebody'."""
        kind, _, wanted = self.goal.partition(":")
        if kind in WORDED:
            share = f", at least {percent(float(wanted))} of the words" if kind == "misheard" and wanted else ""
            return WORDED[kind].format(wanted.replace("_", " ")) + share
        names = " or ".join(
            f"\u201c{class_name(int(label), self.classes)}\u201d" for label in wanted.split(",") if wanted
        )
        match kind.partition("-")[0]:
            case "misclassify" | "evade":
                return "fools it and is not rejected" if kind == "evade" else "fools it"
            case "top":
                return f"drives the right answer out of its first {kind.partition('-')[2]}"
            case "become" | "enter":
                return f"makes it answer {names}"
            case "leave":
                return f"makes it answer something other than {names}"
        return f"reaches the goal {self.goal}"


def class_name(label: int | None, classes: list[str] | dict[int, str] | None) -> str:
    """Name a class as people know it, or by its number; or give the text that a label stands for."""
    if label is None or label < 0:
        return "no readable answer"
    if isinstance(classes, dict):
        return classes.get(label, "another text")
    if classes is not None and label < len(classes):
        return str(classes[label])
    return f"class {label}"


def count(number: int, noun: str) -> str:
    """Count things: `1 picture`, `2,000 pictures`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _singular(words: str) -> str:
    """Write `1 pixel` where a sentence has `1 pixels`."""
    return re.sub(r"\b(?<![./,])1 ([a-z]+)s\b", r"1 \1", words)


def percent(share: float | None) -> str:
    """Write a share with at most one decimal; a dash where there is none."""
    if share is None or np.isnan(share):
        return "\u2013"
    rounded = f"{100 * share:.1f}".removesuffix(".0")
    if rounded in ("0", "100") and share not in (0, 1):  # never call almost none 'none' nor almost all 'all'
        rounded = "under 0.1" if share < 0.5 else "over 99.9"
    return f"{rounded}{THIN}%"


def sure(confidence: float) -> str:
    """Write a confidence as a whole percentage, without claiming certainty that rounding made."""
    rounded = round(100 * confidence)
    if rounded == 100 and confidence < 1:
        return f"over 99{THIN}%"
    return f"{rounded}{THIN}%" if rounded else f"under 1{THIN}%"


def measured(distance: float | None, threat: Threat) -> str:
    """Write a distance in its set's own unit; for pictures under linf in steps of an 8-bit picture first."""
    if distance is None or np.isnan(distance):
        return "\u2013"
    if threat.family in LOUDNESS:
        return f"{LOUDNESS[threat.family] * 20 * log10(distance):.1f}{THIN}dB" if distance > 0 else "none"
    if threat.family != "linf" or not threat.pictures:
        return f"{distance:.3g}"
    return f"{f'{distance * 255:.2f}'.rstrip('0').rstrip('.')}/255 ({distance:.4f})"


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    if seconds < 60:
        return f"{seconds:.3g}{THIN}s"
    minutes = round(seconds / 60)
    return f"{minutes}{THIN}min" if minutes < 60 else f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def moment(iso: str) -> str:
    """Write a moment: `1 October 2026, 14:03 UTC`."""
    at = datetime.fromisoformat(iso)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
