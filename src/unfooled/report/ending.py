"""Where an audit ended before all was done, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfooled.core.joining import runs
from unfooled.core.results import Results

from .wording import count, duration


def endings(results: Results) -> list[str]:
    """Say of a run, and of those merged into it, what was not looked at; empty where all was."""
    return [sentence for run in runs(results.run) if run.get("ended") for sentence in _told(run["ended"])]


def _told(ended: Mapping[str, Any]) -> list[str]:
    seen, n, until = ended["looked_at"], ended["of"], ended["until"]
    told = []
    if ended["by"] == "time":
        told.append(f"The time ({duration(ended['seconds'])}) was up; --resume with a larger budget goes on.")
    elif ended["by"] == "enough":
        told.append(f"The audit was to stop once it could tell “{until}”, and could.")
    elif until is not None:
        told.append(f"The audit was to stop once it could tell “{until}”; all examples do not tell.")
    if seen < n:
        rest = count(n - seen, "example")
        told.append(
            f"Figures are of {seen:,} of {n:,} examples, drawn at random; the other {rest} were not examined: whether "
            "they stand is unknown."
        )
    if ended["sequential"]:
        told.append("Intervals are confidence sequences, which hold wherever an audit ends.")
    if ended["not_run"]:
        left = ", ".join(ended["not_run"])
        told.append(f"Not all examples were tried by {left}: robust accuracy may be far lower.")
    if ended["undiagnosed"]:
        told.append("The diagnosis was not finished.")
    if ended["dropped"]:
        passes = sum(ended["dropped"][name] for name in ("queries", "forwards", "backwards"))
        told.append(f"The next {count(ended['dropped']['examples'], 'example')} had been begun, for {passes:,} passes.")
    return told
