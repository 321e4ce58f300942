"""What success is. A goal turns any loss the right way round, so that no attack asks whether it is targeted."""

from __future__ import annotations

from unfooled.core.errors import InputError
from unfooled.core.threat import Goal

from .classes import Become, Enter, Leave, Misclassify
from .objects import Vanish

__all__ = ["Become", "Enter", "Leave", "Misclassify", "Vanish", "parse_goal"]

_WORDS: dict[str, Goal] = {goal.name: goal for goal in (Misclassify(), Vanish())}


def parse_goal(text: str) -> Goal:
    """Read a goal: `misclassify`, `top-5`, `become:859`, `enter:151,152`, `leave:919,920`, `vanish`.

    Raises:
        InputError: The text is none of these.
    """
    kind, _, rest = text.partition(":")
    try:
        if text in _WORDS:
            return _WORDS[text]
        if text.startswith("top-"):
            return Misclassify(top=int(text.removeprefix("top-")))
        classes = tuple(int(part) for part in rest.split(","))
        if kind == "become" and len(classes) == 1:
            return Become(classes[0])
        if kind in ("enter", "leave"):
            return Enter(classes) if kind == "enter" else Leave(classes)
    except ValueError:
        pass  # a number that is none: the same mistake as an unknown word
    raise InputError(
        "This is not a goal",
        repr(text),
        "Write misclassify, top-5, become:859, enter:151,152, leave:919,920 or vanish.",
    )
