"""An audit that may end early: how much time it has, in which order it takes examples, what tells it to stop.

Examples are taken in random order, cohort by cohort, and each cohort goes through the whole suite before the next one.
So whenever the audit ends, those it is done with are a random sample of all, each examined in full. A cohort is as
large as all before it, up to `LARGEST`: stages that choose among survivors have something to choose from, and what is
lost with a cohort that was not finished is at most about half.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import monotonic
from typing import NamedTuple

import numpy as np

from unfooled.core.errors import InputError
from unfooled.core.rates import robbins
from unfooled.core.requirements import Requirement, read_requirement, read_share
from unfooled.core.results import Results

FIRST, LARGEST = 32, 512
DIAGNOSED = 256
"""Examples after which a diagnosis, which costs about as much as these did, is worth its time."""

_UNITS = {"s": 1, "min": 60, "h": 3600}


def cohorts(keys: Sequence[str]) -> list[np.ndarray]:
    """Split examples, named by hashes of their contents, into cohorts in random order; each lists rows in order."""
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    ends = [0, min(FIRST, len(keys))]
    while ends[-1] < len(keys):
        ends.append(min(len(keys), ends[-1] + min(LARGEST, ends[-1])))
    return [np.sort(order[start:end]) for start, end in pairwise(ends)]


@dataclass(frozen=True)
class Clock:
    """Says when the time is up.

    Attributes:
        deadline: By the machine's steady clock, in seconds; None for never.
    """

    deadline: float | None = None

    @staticmethod
    def of(seconds: float | None) -> Clock:
        """Start a clock that runs for so many seconds; None for ever."""
        return Clock(None if seconds is None else monotonic() + seconds)

    @property
    def out(self) -> bool:
        """Whether the time is up: nothing new may begin."""
        return self.deadline is not None and monotonic() >= self.deadline


class Budget(NamedTuple):
    """What may be spent: answers about one example, and seconds of the whole audit; None for no limit."""

    answers: int | None = None
    seconds: float | None = None


def read_budget(given: int | str | None) -> Budget:
    """Read a budget: `1000` answers about each example, `90s`, `10min` or `2h` of time, or both as `1000,10min`.

    Raises:
        InputError: It is written otherwise, allows no time, or says the same thing twice.
    """
    if given is None or isinstance(given, int):
        return Budget(given)
    do = "Write 1000 for answers about one example, 90s, 10min or 2h for time, or 1000,10min."
    answers, seconds = [], []
    for part in str(given).split(","):
        read = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)?\s*", part, re.ASCII)
        if read is None or (read[2] is None and "." in read[1]):
            raise InputError("This is not a budget", repr(given), do)
        if read[2] is None:
            answers.append(int(read[1]))
        else:
            seconds.append(float(read[1]) * _UNITS[read[2]])
    if len(answers) > 1 or len(seconds) > 1 or not all(0 < one < math.inf for one in seconds):
        raise InputError("A budget allows some time, and says it once", repr(given), do)
    return Budget(*((one[0] if one else None) for one in (answers, seconds)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Until:
    """What an audit may stop at: a requirement that is decided either way, or figures that are sharp enough.

    Attributes:
        text: As it was written.
        precision: Half the width of the interval of each robust accuracy, as a share; None for a requirement.
        requirement: What is to be decided; None for a precision.
    """

    text: str
    precision: float | None = None
    requirement: Requirement | None = None

    def met(self, results: Results, limited: Sequence[str]) -> bool:
        """Tell whether results so far are enough, by confidence sequences, which may be asked as often as one likes.

        Args:
            results: Of examples that were examined in full.
            limited: Names of the threats that set a limit.
        """
        if self.requirement is None:
            sharp = [robbins(int(results[name].robust.sum()), len(results[name])) for name in limited]
            return all((high - low) / 2 <= (self.precision or 0.0) for low, high in sharp)
        share, tally = self.requirement.share, self.requirement.judged.tally
        found = [robbins(*tally(results[name])) for name in self.requirement.threats(results.threats, limited)]
        return not any(low <= share <= high for low, high in found)


def read_until(text: str | None, names: Sequence[str], limited: Sequence[str]) -> Until | None:
    """Read when to stop: a requirement as the gate reads it, or a precision such as `3%` (plus or minus).

    Args:
        text: As written; None for never before the end.
        names: Threats of the audit.
        limited: Those of them that set a limit.

    Raises:
        InputError: It is neither, names another threat, or no threat sets a limit.
    """
    if text is None:
        return None
    if re.search(r"[<>=]", text):
        until = Until(text, requirement=read_requirement(text))
    else:
        until = Until(text, precision=read_share(text.strip()))
        if not 0 < (until.precision or 0) < 0.5:
            do = "Write for example 3%, for plus or minus 3 points."
            raise InputError("A precision lies between 0 and 50 %", repr(text), do)
    asked = until.requirement or Requirement(None, "robust_accuracy", 0.0, text)
    asked.threats(names, limited)
    return until
