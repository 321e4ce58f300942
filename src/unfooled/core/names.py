"""How people name the threats of a run."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import InputError
from .numerals import read_number


def named(threats: Sequence[str], text: str) -> str:
    """Find the name that a text means, the radius written in any way: `linf:0.2` is `linf:51/255`.

    Raises:
        InputError: There is no such threat.
    """
    name = next((known for known in threats if _same_name(known, text)), None)
    if name is None:
        raise InputError("No such threat in these results", repr(text), f"Choose one of {list(threats)}.")
    return name


def _same_name(known: str, text: str) -> bool:
    """Tell whether two names mean one threat."""
    if known == text:
        return True
    (kind, _, radius), (other_kind, _, other) = known.rpartition(":"), text.rpartition(":")
    try:
        return kind == other_kind and read_number(radius) == read_number(other)
    except (ValueError, ZeroDivisionError):
        return False
