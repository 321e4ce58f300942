"""What an audit found, for the terminal and for programs."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from unfooled.core.evidence import gathered
from unfooled.core.results import Results, ThreatResults
from unfooled.diagnose import Verdict, diagnose
from unfooled.report import tables
from unfooled.report.bills import bills
from unfooled.report.ending import endings
from unfooled.report.headline import headline, typical
from unfooled.report.knowledge import by_knowledge
from unfooled.report.queries import UNKNOWN, Terms, query_bills

from .terminal import columns

COSTS = ("queries", "forwards", "backwards")
_COLOURS = {
    Verdict.RELIABLE: "green", Verdict.SUSPICIOUS: "yellow", Verdict.UNRELIABLE: "red", Verdict.CANNOT_SAY: "dim",
}  # fmt: skip


def write(console: Console, results: Results, terms: Terms = UNKNOWN) -> None:
    """Print each threat: accuracies, and which attack broke how many at what cost."""
    described = tables.threats(results)
    limited = tables.limits(described)
    ended = endings(results)
    if ended:
        console.print()
        console.print(" ".join(ended), style="yellow")
    for name in results.threats:
        found = results[name]
        line = headline(found, described[name])
        console.print()
        console.print(name, style="bold")
        console.print(" ".join(part for part in (line.before, line.attacker, line.outcome) if part))
        console.print()
        _accuracies(console, found, limited=name in limited)
        _stages(console, results, name)
    if len(limited) > 1:
        console.print()
        console.print(
            "all threats at once" if limited == results.threats else "all threats with a limit at once", style="bold"
        )
        _accuracies(console, results.union(limited))
    for curve in tables.lines(results, described):
        _curve(console, curve)
    for bill in bills(results, described):
        console.print()
        console.print(bill.sentence)
    for asked in query_bills(results, described):
        console.print()
        console.print(f"{asked.sentence} {asked.on(terms)}".rstrip())
    for known in by_knowledge({name: tables.score(results[name]) for name in described}, described):
        console.print()
        console.print(known.sentence)
    _diagnosis(console, results)
    for note in [*results.run.get("data", {}).get("notes", []), *results.run.get("notes", [])]:
        console.print(f"Note: {note}.", style="dim")
    console.print()


def as_json(results: Results, place: Path, terms: Terms = UNKNOWN) -> dict[str, Any]:
    """Give the same as plain JSON values."""
    described = tables.threats(results)
    scores = {name: tables.score(results[name]) for name in described}
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
        "curves": [
            {
                "kind": curve.kind,
                "points": [point._asdict() for point in curve.points],
                "median": curve.median if isfinite(curve.median) else None,
            }
            for curve in results.curves.values()
        ],
        "ended": results.run.get("ended"),
        "autoattack": [asdict(bill) for bill in bills(results, described)],
        "queries": [bill.as_json(terms) for bill in query_bills(results, described)],
        "knowledge": [known.as_json() for known in by_knowledge(scores, described)],
        "diagnosis": _told(results),
        "notes": [*results.run.get("data", {}).get("notes", []), *results.run.get("notes", [])],
    }


def _diagnosis(console: Console, results: Results) -> None:
    """Say whether the figures can be believed, and why not."""
    found = diagnose(results)
    console.print()
    console.print(Text.assemble("can this be believed?  ", (found.verdict.value, _COLOURS[found.verdict])))
    for finding in found.findings:
        console.print(Padding(f"{finding.threat}: {finding.sentence}. {finding.remedy}", (0, 0, 0, 2), expand=False))
    for gap in found.gaps:
        console.print(Padding(f"{gap[:1].upper()}{gap[1:]}.", (0, 0, 0, 2), expand=False))
    for bill in (bill for one in gathered(results.run) for bill in one.bill):
        counts = ", ".join(f"{bill[name]:,} {name}" for name in COSTS)
        console.print(f"  diagnosis of {bill['threat']}: {counts}, {bill['seconds']:.1f} s", style="dim")


def _told(results: Results) -> dict[str, Any]:
    found = diagnose(results)
    return {
        "verdict": found.verdict.value,
        "findings": [asdict(finding) for finding in found.findings],
        "gaps": list(found.gaps),
        "bill": [bill for one in gathered(results.run) for bill in one.bill],
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


def _accuracies(console: Console, found: ThreatResults, *, limited: bool = True) -> None:
    n, right, robust = len(found), int(found.column("clean_correct").sum()), int(found.robust.sum())
    low, high = found.interval
    colour = "red" if 2 * robust < right else "yellow" if robust < right else "green"
    console.print(f"  clean accuracy    {found.clean_accuracy:6.1%}   {right:,} of {n:,}")
    if not limited:
        console.print(f"  fooled, no limit            {right - robust:,} of {right:,}")
        return
    interval = f"   {robust:,} of {n:,}, 95 % interval {low:.1%} to {high:.1%}"
    console.print(Text.assemble("  robust accuracy   ", (f"{found.robust_accuracy:6.1%}", colour), interval))


def _curve(console: Console, line: tables.Line) -> None:
    """Print robust accuracy by radius where there is more than one, and how large a change is enough for half."""
    if len(line.threats) == 1 and not line.close:
        return
    console.print()
    console.print(f"how much change it takes, {line.curve.kind}", style="bold")
    sizes = ("0", *(threat.size for threat in line.limited)) if line.limited else ()
    for point, size in zip(line.curve.points, sizes, strict=False):
        low, high = point.interval
        console.print(f"  {size:>8}   {point.robust_accuracy:6.1%}   95 % interval {low:.1%} to {high:.1%}")
    if line.close:
        console.print(f"  {typical(line.curve, line.threats[-1])}")


def _stages(console: Console, results: Results, threat: str) -> None:
    table = columns(attack="left", tried="right", broke="right", queries="right", forwards="right",
                    backwards="right", seconds="right")  # fmt: skip
    for stage in tables.stages(results, threat):
        row = stage.row
        counts = (f"{row[name]:,}" for name in ("tried", "broken", *COSTS))
        table.add_row(row["attack"], *counts, f"{row['seconds']:.1f}", style=None if row["broken"] else "dim")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
