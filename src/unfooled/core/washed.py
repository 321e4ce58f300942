"""What became of phrases before a defence of a model that hears, as plain values. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .transcripts import edits, normalised


@dataclass(frozen=True)
class Heard:
    """What is heard in a recording after an attack.

    Attributes:
        text: The transcript.
        reached: Whether that is what the attacker wanted, within the threat.
        snr: Signal-to-noise ratio of the change in decibels.
    """

    text: str
    reached: bool
    snr: float


@dataclass(frozen=True)
class Washed:
    """One recording and one goal, without a defence and with it.

    Attributes:
        recording: Its name.
        goal: What the attacker wants heard.
        before: What the model without the defence hears in it, unattacked.
        behind: What the model with the defence hears in it, unattacked.
        plain: What the first hears in what was crafted on it; None where that attack found nothing.
        carried: What the second hears in the same file; None where there is none.
        knowing: What the second hears in what was crafted through the defence; None where that attack found nothing.
    """

    recording: str
    goal: str
    before: str
    behind: str
    plain: Heard | None
    carried: Heard | None
    knowing: Heard | None

    def as_json(self) -> dict[str, Any]:
        """Give the same as plain JSON values."""
        return asdict(self)


def read_washed(told: dict[str, Any]) -> Washed:
    """Read what `Washed.as_json` gave."""
    heard = {name: told[name] and Heard(**told[name]) for name in ("plain", "carried", "knowing")}
    return Washed(**(told | heard))


def words_lost(lines: Sequence[Washed]) -> tuple[int, int]:
    """Count the words that a defence makes the model hear otherwise in clean recordings, and all of them."""
    texts = {line.recording: (normalised(line.behind).split(), normalised(line.before).split()) for line in lines}
    return sum(edits(*pair) for pair in texts.values()), sum(len(wanted) for _, wanted in texts.values())
