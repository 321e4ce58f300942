"""`unfooled similarity`."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from . import options as o
from .terminal import columns, on_stdout, print_json


def similarity(run: o.Run, *, json: o.Json = False, quiet: o.Quiet = False) -> None:
    """Tell how alike an encoder of sentences finds the texts that fool and those they were made of."""
    from unfooled.auditing.similarity import similarities  # noqa: PLC0415  heavy
    from unfooled.core.folder import load, save  # noqa: PLC0415
    from unfooled.report import write_report  # noqa: PLC0415
    from unfooled.zoo.minilm import NAME, minilm  # noqa: PLC0415

    results = load(run)
    found = similarities(results, minilm(), NAME)
    together = replace(results, run={**results.run, "similarity": found})
    save(together, run)
    write_report(together, run / "report.html")
    if json:
        print_json(found)
        return
    console, table = on_stdout(quiet), columns(threat="left", texts="right", median="right", lowest="right")
    for threat, cosines in found["cosines"].items():
        values = list(cosines.values())
        table.add_row(threat, f"{len(values):,}", f"{median(values):.2f}", f"{min(values):.2f}")
    console.print(table)
    console.print(f"\ncosine of {NAME}, 1 for the same: a text that says the opposite can score high too")
