"""What an audit found, for the terminal and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unfooled.core.results import Results, ThreatResults
from unfooled.report import tables, wording

from .terminal import columns

COSTS = ("queries", "forwards", "backwards")


def write(console: Console, results: Results) -> None:
    """Print each threat: accuracies, and which attack broke how many at what cost."""
    described = tables.threats(results)
    for name in results.threats:
        found = results[name]
        line = wording.headline(found, described[name])
        console.print()
        console.print(name, style="bold")
        console.print(" ".join(part for part in (line.before, line.attacker, line.outcome) if part))
        console.print()
        _accuracies(console, found)
        _stages(console, results, name)
    if len(results.threats) > 1:
        console.print()
        console.print("all threats at once", style="bold")
        _accuracies(console, results.union())
    for note in [*results.run.get("data", {}).get("notes", []), *results.run.get("notes", [])]:
        console.print(f"Note: {note}.", style="dim")
    console.print()


def as_json(results: Results, place: Path) -> dict[str, Any]:
    """Give the same as plain JSON values."""
    return {
        "run": str(place),
        "report": str(place / "report.html"),
        "model": results.run["model"].get("name"),
        "n": len(results.union()),
        "threats": [
            {
                "threat": name,
                **_rates(results[name]),
                "attacks": [stage.row for stage in tables.stages(results, name)],
            }
            for name in results.threats
        ],
        "union": _rates(results.union()),
        "notes": [*results.run.get("data", {}).get("notes", []), *results.run.get("notes", [])],
    }


def _rates(found: ThreatResults) -> dict[str, Any]:
    return {
        "n": len(found),
        "clean_accuracy": found.clean_accuracy,
        "robust_accuracy": found.robust_accuracy,
        "interval": list(found.interval),
        "broken": int(found.broken.sum()),
        **{name: int(found.column(name).sum()) for name in COSTS},
    }


def _accuracies(console: Console, found: ThreatResults) -> None:
    n, right, robust = len(found), int(found.column("clean_correct").sum()), int(found.robust.sum())
    low, high = found.interval
    colour = "red" if 2 * robust < right else "yellow" if robust < right else "green"
    console.print(f"  clean accuracy    {found.clean_accuracy:6.1%}   {right:,} of {n:,}")
    interval = f"   {robust:,} of {n:,}, 95 % interval {low:.1%} to {high:.1%}"
    console.print(Text.assemble("  robust accuracy   ", (f"{found.robust_accuracy:6.1%}", colour), interval))


def _stages(console: Console, results: Results, threat: str) -> None:
    table = columns(attack="left", tried="right", broke="right", queries="right", forwards="right",
                    backwards="right", seconds="right")  # fmt: skip
    for stage in tables.stages(results, threat):
        row = stage.row
        counts = (f"{row[name]:,}" for name in ("tried", "broken", *COSTS))
        table.add_row(row["attack"], *counts, f"{row['seconds']:.1f}", style=None if row["broken"] else "dim")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
