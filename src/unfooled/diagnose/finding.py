"""What a check is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from unfooled.core.evidence import Measurement
from unfooled.core.results import ThreatResults

Severity = Literal["hard", "open", "soft", "info"]
Cure = Literal["bpda", "eot", "logs", "differences"]
"""What an audit can do about a finding by itself: climb through stand-ins for what breaks gradients, average them over
draws, climb logarithms of probabilities, or search without gradients."""


@dataclass(frozen=True)
class Finding:
    """Something that speaks against a robust accuracy.

    Attributes:
        check: Which check found it.
        severity: `hard`: the figure cannot be believed; `open`: no attack here can tell whether it can; `soft`: it
            may be too high; `info`: good to know.
        sentence: What was found, in plain words with its numbers.
        remedy: What to do about it.
        threat: Under which threat it was found.
        cause: Why gradients mislead, in one word such as `rounding`; empty where that is not known.
        cure: What an audit can do about it by itself; None where nothing is known.
    """

    check: str
    severity: Severity
    sentence: str
    remedy: str
    threat: str = ""
    cause: str = ""
    cure: Cure | None = None


@dataclass(frozen=True)
class Case:
    """What was measured under one threat, and what the audit found there.

    Attributes:
        measured: Measurements by name.
        found: The threat's rows.
    """

    measured: Mapping[str, Measurement]
    found: ThreatResults

    def value(self, name: str) -> float:
        """Give a figure, 0 where it was not measured."""
        return self.measured[name].value if name in self.measured else 0.0

    def n(self, name: str) -> int:
        """Tell over how many examples a figure was measured, 0 where it was not."""
        return self.measured[name].n if name in self.measured else 0


Check = Callable[[Case], Finding | None]
