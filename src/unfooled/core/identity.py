"""Whether two descriptions, as `Model.describe` gives them, are of one model. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PARTS = {"sha256": "weights", "settings": "settings", "preprocess": "preprocessing"}


def difference(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Say in what a model differs from one that a run remembers; empty where it does not, as far as both tell.

    Runs of releases that told no settings of defences are compared by the rest.
    """
    shared = (name for name in _PARTS if name in recorded and name in found)
    name = next((name for name in shared if recorded[name] != found[name]), None)
    return "" if name is None else f"{_PARTS[name]} {found[name]}, the run's are {recorded[name]}"
