"""How people name the threats of a run."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import InputError
from .numerals import read_number

BY = " by "
"""Stands in a threat's name before what its attacker sees, where that is less than everything: `l2:3 by labels`."""


def named(threats: Sequence[str], text: str) -> str:
    """Find the name that a text means, the radius written in any way: `linf:0.2` is `linf:51/255`.

    What the attacker sees may be left out where only one threat is meant.

    Raises:
        InputError: There is no such threat, or several are meant.
    """
    same = [known for known in threats if _same_name(known, text)][:1]
    same = same or [known for known in threats if _same_name(known.partition(BY)[0], text)]
    if len(same) != 1:
        which = "Several threats in these results have that name" if same else "No such threat in these results"
        raise InputError(which, repr(text), f"Choose one of {', '.join(same or threats)}.")
    return same[0]


def _same_name(known: str, text: str) -> bool:
    """Tell whether two names mean one threat."""
    if known == text:
        return True
    (known, _, sees), (text, _, other_sees) = known.partition(BY), text.partition(BY)
    (kind, _, radius), (other_kind, _, other) = known.rpartition(":"), text.rpartition(":")
    try:
        return (kind, sees) == (other_kind, other_sees) and read_number(radius) == read_number(other)
    except (ValueError, ZeroDivisionError):
        return False
