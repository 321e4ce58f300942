"""Two runs on the same examples: what was won, what was lost, and whether that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfooled.core.errors import InputError
from unfooled.core.hardened import Change, changed
from unfooled.core.rates import mcnemar
from unfooled.core.results import Results, ThreatResults

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two runs under one threat.

    Attributes:
        threat: Its name.
        clean: Paired, of examples read right.
        robust: Paired, of examples that stand.
    """

    threat: str
    clean: Change
    robust: Change

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        return f"Under {self.threat}: clean {_told(self.clean)}; robust {_told(self.robust)}."


def compare(before: Results, after: Results) -> list[Comparison]:
    """Compare two runs, threat by threat, on the examples that they share.

    Raises:
        InputError: They share no threat, or no example under one.
    """
    shared = [name for name in before.threats if name in after.threats]
    if not shared:
        raise InputError(
            "The runs share no threat",
            f"{', '.join(before.threats)} and {', '.join(after.threats)}",
            "Audit both alike.",
        )
    return [_compared(name, before[name], after[name]) for name in shared]


def _compared(name: str, before: ThreatResults, after: ThreatResults) -> Comparison:
    place = {key: row for row, key in enumerate(after.column("key"))}
    pairs = [(row, place[key]) for row, key in enumerate(before.column("key")) if key in place]
    if not pairs:
        raise InputError("The runs share no example", f"none under {name}", "Audit the same examples.")
    first, second = (np.array(rows) for rows in zip(*pairs, strict=True))
    read = changed(before.column("clean_correct")[first], after.column("clean_correct")[second])
    return Comparison(name, read, changed(before.robust[first], after.robust[second]))


def _told(change: Change) -> str:
    p, (low, high) = mcnemar(change.won, change.lost), change.interval
    sure = "" if p < LEVEL else ", which may be chance"
    return (
        f"{100 * change.points:+.1f} points ({change.won:,} won, {change.lost:,} lost of {change.n:,}; 95 % interval "
        f"{100 * low:+.1f} to {100 * high:+.1f}; exact McNemar p = {p:.3g}{sure})"
    )
