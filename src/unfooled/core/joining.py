"""Runs that were merged: which there are, and how rows of `RECORDS` about one example are made one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def runs(run: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give a run's description and those of all that were merged into it."""
    yield run
    for merged in run.get("merged", []):
        yield from runs(merged)


def falls_further(row: dict[str, Any], known: dict[str, Any]) -> bool:
    """Tell whether an example fell to one run alone, or to both and to this one by a smaller change."""
    return bool(row["broken"] and (not known["broken"] or _distance(row) < _distance(known)))


def _distance(row: dict[str, Any]) -> float:
    return np.inf if row["distance"] is None else float(row["distance"])


def joined(first: dict[str, Any], second: dict[str, Any], *, worse: bool) -> dict[str, Any]:
    """Keep the first row, or the second where that is worse for the model, with the costs of both."""
    costs = {name: first[name] + second[name] for name in ("queries", "forwards", "backwards")}
    broken_float32 = first["broken_float32"] or second["broken_float32"]
    kept = second if worse else first
    return {
        **kept,
        **costs,
        "asked": _asked(first, second),
        "broken_float32": broken_float32,
        "example": first["example"],
    }


def _asked(first: dict[str, Any], second: dict[str, Any]) -> int | None:
    """Tell by how few answers an example first fell; None where that is known of neither."""
    known = [row["asked"] for row in (first, second) if row["asked"] is not None]
    return min(known, default=None)


def stored_of(tensors: Mapping[str, np.ndarray], threat: str, key: str) -> dict[str, np.ndarray]:
    """Pick what a run keeps of one example under one threat."""
    names = (f"x/{key}", f"x_adv/{threat}/{key}")
    return {name: tensors[name] for name in names if name in tensors}
