"""What an audit would cost, for the terminal and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from unfooled.auditing.estimate import Estimate, examples_for
from unfooled.core.transcripts import TEXTS
from unfooled.report import wording

from .terminal import columns

PRECISION = 0.03
WORST = ", if nothing falls before the last attack;"


def write(console: Console, found: Estimate) -> None:
    """Print the worst case of each attack, the sum, and how sharp the figure will be."""
    answers = "answers in text" if found.classes == TEXTS else f"{found.classes:,} classes"
    console.print(f"{found.n:,} examples, {answers}; {found.right} of the first {found.tried} read rightly")
    backward = "" if found.gradient is None else f", forward and backward {1000 * found.gradient:,.0f} ms"
    console.print(f"one pass of a batch on this machine: forward {1000 * found.forward:,.0f} ms{backward}")
    console.print()
    table = columns(threat="left", attack="left", queries="right", forwards="right", backwards="right", at_most="right")
    for stage in found.stages:
        rows = (f"{rows:,}" for rows in stage.bill)
        table.add_row(stage.threat, stage.attack, *rows, wording.duration(stage.seconds))
    console.print(table)
    for cost in found.diagnoses:
        asked = ", ".join(f"{count:,} {kind}" for kind, count in cost.bill._asdict().items())
        console.print(f"diagnosis of {cost.threat}: {asked} in all, {wording.duration(cost.seconds)}")
    console.print()
    console.print(Text.assemble("at most ", (wording.duration(found.seconds), "bold"), WORST))
    console.print("each example that falls saves the attacks that follow. Rows are counted for one example.")
    console.print(f"about {_bytes(found.memory)} of memory on top of the model and the data")
    needed = examples_for(PRECISION)
    console.print(
        f"{found.n:,} examples tell an accuracy to within {100 * found.half_width:.1f} points at worst; "
        f"{needed:,} would tell it to within {100 * PRECISION:.0f} points"
    )
    if found.shapes > 1:
        console.print(f"{found.shapes} shapes: each takes passes of its own. Examples of one size would be cheaper.")


def as_json(found: Estimate) -> dict[str, Any]:
    """Give the same as plain JSON values."""
    stages, diagnoses = (
        [asdict(cost) | {"bill": cost.bill._asdict()} for cost in costs] for costs in (found.stages, found.diagnoses)
    )
    return asdict(found) | {
        "stages": stages,
        "diagnoses": diagnoses,
        "seconds": found.seconds,
        "half_width": found.half_width,
        "examples_for_3_points": examples_for(PRECISION),
    }


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"
