"""`unfooled gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from unfooled.core.errors import UnfinishedError

from . import options as o
from .terminal import FAILED, UNRELIABLE, columns, on_stdout, print_json, tell

if TYPE_CHECKING:
    from unfooled.report.gate import Gate

CODES = {"failed": FAILED, "not reliable": UNRELIABLE}
COLOURS = {"passed": "green", "failed": "bold red", "not reliable": "yellow"}

Require = Annotated[
    list[str] | None,
    typer.Option(
        help="[THREAT ]METRIC>=SHARE, such as 'robust_accuracy>=0.40' or 'linf:4/255 attack_success<=5%'; several "
        "times."
    ),
]


def gate(
    run: o.Run,
    *,
    require: Require = None,
    baseline: Annotated[Path | None, typer.Option(help="A run that this one may not be worse than.")] = None,
    level: Annotated[float, typer.Option(help="Confidence of intervals and of the comparison.")] = 0.95,
    price: o.Price = None,
    rate: o.Rate = None,
    cap: o.Cap = None,
    junit: Annotated[Path | None, typer.Option(help="JUnit XML file to write.")] = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Let a run pass that shows what is required; exit 1 if it fails, 3 if its figures are not reliable."""
    from unfooled.core.folder import load  # noqa: PLC0415  heavy
    from unfooled.report.gate import judge_release  # noqa: PLC0415
    from unfooled.report.junit import write_junit  # noqa: PLC0415
    from unfooled.report.queries import query_bills, read_terms  # noqa: PLC0415
    from unfooled.report.tables import threats  # noqa: PLC0415

    terms = read_terms(price, rate, cap)
    try:
        results, before = load(run), None if baseline is None else load(baseline)
    except UnfinishedError as error:
        tell(error)
        raise typer.Exit(UNRELIABLE) from error
    judged = judge_release(results, require or [], before, level)
    bills = query_bills(results, threats(results))
    if junit is not None:
        write_junit(judged, junit)
    if json:
        print_json({"outcome": judged.outcome, "judgements": [vars(one) for one in judged.judgements],
                    "doubts": judged.doubts, "queries": [bill.as_json(terms) for bill in bills]})  # fmt: skip
    else:
        _write(on_stdout(quiet), judged, [f"{bill.threat}: {told}" for bill in bills if (told := bill.on(terms))])
    if judged.outcome in CODES:
        raise typer.Exit(CODES[judged.outcome])


def _write(console: Console, judged: Gate, bills: list[str]) -> None:
    table = columns(required="left", threat="left", outcome="left")
    for one in judged.judgements:
        table.add_row(one.required, one.threat, one.outcome, style=COLOURS[one.outcome])
    console.print(table)
    console.print()
    for one in judged.judgements:
        console.print(one.why)
    for bill in bills:
        console.print(bill)
    for doubt in judged.doubts:
        console.print(f"Doubt: {doubt}.", style=COLOURS["not reliable"])
    console.print(f"\nThe gate: {judged.outcome}", style=COLOURS[judged.outcome])
