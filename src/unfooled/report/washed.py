"""The part of the page on a defence of a model that hears: what it stops, what it costs, and what goes through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfooled.core.washed import Heard, Washed, read_washed, words_lost

from .wording import count, percent


@dataclass(frozen=True)
class Defended:
    """What became of phrases before a defence.

    Attributes:
        name: The defence, as it was written.
        sentences: What was found.
        lines: One a recording and goal.
    """

    name: str
    sentences: list[str]
    lines: list[Washed]


def defended(run: Mapping[str, Any]) -> Defended | None:
    """Tell of a run's defence; None where there is none that was attacked both ways."""
    told = run.get("defence")
    if told is None:
        return None
    lines = [read_washed(line) for line in told["lines"]]
    crafted = [line for line in lines if line.plain]
    carried = sum(line.carried is not None and line.carried.reached for line in lines)
    n, knowing = len(lines), [line.knowing for line in lines if line.knowing]
    lost, words = words_lost(lines)
    sentences = [
        f"Without the defence, {len(crafted):,} of {n:,} goals were reached{_loud([line.plain for line in crafted])}.",
        f"Of these files, {carried:,} of {len(crafted):,} still work behind {told['name']}." if crafted else "",
        f"Crafted through the defence, {len(knowing):,} of {n:,} were reached{_loud(knowing)}.",
        f"It makes the model hear {lost:,} of {count(words, 'word')} of the clean recordings otherwise "
        f"(word error rate {percent(lost / max(1, words))}).",
        f"Grade {told['grade']}: {told['meaning']}.",
    ]
    return Defended(told["name"], [one for one in sentences if one], lines)


def _loud(found: Sequence[Heard | None]) -> str:
    ratios = [one.snr for one in found if one]
    return f", at a signal-to-noise ratio of {np.mean(ratios):.1f} dB in the mean" if ratios else ""
