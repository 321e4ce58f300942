"""What a release may be required to show, and how people write it: `linf:4/255 robust_accuracy>=0.40`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .errors import InputError
from .names import named
from .numerals import read_number
from .results import ThreatResults


class Metric(NamedTuple):
    """A rate: which of its sides is good, and what it counts, as hits and out of how many."""

    sign: str
    tally: Callable[[ThreatResults], tuple[int, int]]


def _fallen(found: ThreatResults) -> tuple[int, int]:
    """Count the examples read rightly that fell."""
    right = found.column("clean_correct").astype(bool)
    return int((right & found.broken).sum()), int(right.sum())


def _early(found: ThreatResults, queries: int) -> tuple[int, int]:
    """Count the examples read rightly of which it is not shown that so many questions were needed, or not enough.

    That is those that fell by fewer or by an unknown number, and those that stand and were not asked about so often.
    """
    right, needed = found.column("clean_correct").astype(bool), found.column("asked").astype(float)
    shown = np.where(found.broken, needed >= queries, found.queries >= queries - 1)
    return int((right & ~shown).sum()), int(right.sum())


QUERIES = "queries_to_success"
"""Required as a number, not as a rate: the median over all examples that the model reads rightly."""

METRICS = {
    "robust_accuracy": Metric(">=", lambda found: (int(found.robust.sum()), len(found))),
    "clean_accuracy": Metric(">=", lambda found: (int(found.column("clean_correct").sum()), len(found))),
    "attack_success": Metric("<=", _fallen),
}

_GRAMMAR = re.compile(r"\s*(?:(?P<threat>\S.*?)\s+)?(?P<metric>\w+)\s*(?P<sign>[<>=!]+)\s*(?P<share>[^\s<>=!]+)\s*")


@dataclass(frozen=True)
class Requirement:
    """A rate to be reached under one threat, or under every one that sets a limit.

    Attributes:
        threat: The threat as written; None for every one.
        metric: One of `METRICS`, or `QUERIES`.
        share: The rate required, 0 to 1.
        text: Metric and rate as written, such as `robust_accuracy>=0.40`.
        queries: Questions that the median example must withstand, for `QUERIES`.
    """

    threat: str | None
    metric: str
    share: float
    text: str
    queries: int | None = None

    @property
    def judged(self) -> Metric:
        """The rate that decides: of `QUERIES` the share that fewer questions may have felled, at most half."""
        queries = self.queries
        return METRICS[self.metric] if queries is None else Metric("<=", lambda found: _early(found, queries))

    @property
    def noun(self) -> str:
        """What that rate is, in words."""
        what = self.metric.replace("_", " ")
        return what if self.queries is None else f"the share not shown to withstand {self.queries - 1:,} questions"

    def threats(self, names: Sequence[str], limited: Sequence[str]) -> list[str]:
        """Name the threats of a run that it speaks of.

        Args:
            names: All threats of the run.
            limited: Those of them that set a limit.

        Raises:
            InputError: The run does not know its threat, or sets no limit under any.
        """
        if self.threat is not None:
            return [named(names, self.threat)]
        if not limited:
            raise InputError(
                "This run has no threat that sets a limit",
                ", ".join(names) or "no threat",
                "Name the threat in the requirement, or audit one with a radius.",
            )
        return list(limited)


def read_requirement(text: str) -> Requirement:
    """Read `[THREAT ]METRIC>=SHARE` or `[THREAT ]METRIC<=SHARE`, the share as 0.40, 2/5 or 40%.

    `queries_to_success>=1000` asks for a number: the median example must take at least so many questions.

    Raises:
        InputError: It is written otherwise, names an unknown metric, asks for its bad side, or for no share.
    """
    parts = _GRAMMAR.fullmatch(text)
    if parts is None:
        example = "'robust_accuracy>=0.40' or 'linf:4/255 attack_success<=5%'"
        raise InputError("This is not a requirement", repr(text), f"Write [THREAT ]METRIC>=SHARE, such as {example}.")
    threat, metric, sign, share = parts.groups()
    if metric not in (*METRICS, QUERIES):
        raise InputError("There is no such metric", repr(metric), f"Choose one of {', '.join((*METRICS, QUERIES))}.")
    good = METRICS[metric].sign if metric in METRICS else ">="
    if sign != good:
        side = "least" if good == ">=" else "most"
        raise InputError(
            f"What is required of {metric} is at {side} so much", repr(text), f"Write {metric}{good}{share}."
        )
    if metric == QUERIES:
        if not re.fullmatch(r"[1-9]\d*", share, re.ASCII):
            raise InputError("Questions are a whole number from 1", repr(text), f"Write {QUERIES}>=1000.")
        return Requirement(threat, metric, 0.5, f"{metric}{sign}{share}", int(share))
    return Requirement(threat, metric, read_share(share), f"{metric}{sign}{share}")


def read_share(text: str) -> float:
    """Read a share of 0 to 1; it is never guessed that 40 means 40 %."""
    number = text.removesuffix("%")
    try:
        share = read_number(number) / (1 if number == text else 100)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError("A rate is a number from 0 to 1", repr(text), "Write for example 0.40 or 40%.") from error
    if not 0 <= share <= 1:
        do = f"Write {share / 100:.2f} or {share:g}%." if 1 < share <= 100 else "Write for example 0.40 or 40%."
        raise InputError("A rate is a number from 0 to 1", repr(text), do)
    return share
