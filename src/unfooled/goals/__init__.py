"""What success is. A goal turns any loss the right way round, so that no attack asks whether it is targeted."""

from __future__ import annotations

from unfooled.core.errors import InputError
from unfooled.core.threat import Goal

from .classes import Become, Enter, Misclassify
from .objects import Vanish
from .outside import Evade, Leave
from .phrases import Misheard, Transcribe, Without

__all__ = [
    "Become",
    "Enter",
    "Evade",
    "Leave",
    "Misclassify",
    "Misheard",
    "Transcribe",
    "Vanish",
    "Without",
    "parse_goal",
]

_WORDS: dict[str, Goal] = {goal.name: goal for goal in (Misclassify(), Vanish())}
_WORDS |= {"mute": Transcribe(), "misheard": Misheard()}


def parse_goal(text: str) -> Goal:
    """Read a goal.

    Of classes: `misclassify`, `top-5`, `become:859`, `enter:151,152`, `leave:919,920`, and `evade:10` where class 10 is
    a rejection; of a detector of objects `vanish`. Of what a model writes: `transcribe:open_the_front_door`,
    `without:stop`, `mute`, `misheard`, `misheard:0.5`.

    Raises:
        InputError: The text is none of these.
    """
    kind, _, rest = text.partition(":")
    try:
        goal = _WORDS.get(text) or _of_classes(text, kind, rest) or _of_words(kind, rest)
    except ValueError:
        goal = None  # a number that is none: the same mistake as an unknown word
    if goal is None:
        raise InputError(
            "This is not a goal",
            repr(text),
            "Write misclassify, top-5, become:859, enter:151,152 or leave:919,920; evade:10 where class 10 is a "
            "rejection; for a detector of objects vanish; for a model that writes transcribe:open_the_front_door, "
            "without:stop, mute, misheard or misheard:0.5.",
        )
    return goal


def _of_classes(text: str, kind: str, rest: str) -> Goal | None:
    if text.startswith("top-"):
        return Misclassify(top=int(text.removeprefix("top-")))
    if kind not in ("become", "enter", "leave", "evade"):
        return None
    classes = tuple(int(part) for part in rest.split(","))
    if kind in ("become", "evade"):
        one: type[Become | Evade] = Become if kind == "become" else Evade
        return one(classes[0]) if len(classes) == 1 else None
    return Enter(classes) if kind == "enter" else Leave(classes)


def _of_words(kind: str, rest: str) -> Goal | None:
    if kind == "misheard":
        return Misheard(float(rest))
    if kind == "transcribe" and rest:
        return Transcribe(rest.replace("_", " "))
    return Without(rest) if kind == "without" else None
