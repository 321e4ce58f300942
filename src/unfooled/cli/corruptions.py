"""`unfooled corruptions`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from unfooled.core.errors import RunError

from . import options as o
from .terminal import columns, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.core.results import Results


def corruptions(
    model: o.Asked,
    data: o.Pictures,
    *,
    only: Annotated[str | None, typer.Option(help="Some of them: fog,jpeg. (default: all)")] = None,
    into: Annotated[
        Path | None, typer.Option(help="A finished run on the same model and data, to add them to.")
    ] = None,
    weights: o.Weights = None,
    mean: o.Mean = None,
    std: o.Std = None,
    size: o.Size = None,
    crop: o.Crop = None,
    classes: o.Classes = None,
    limit: o.Limit = None,
    batch: o.Batch = None,
    seed: o.Seed = None,
    device: o.Device = None,
    threads: o.Threads = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Measure accuracy under noise, blur, weather and files, at five severities: what needs no adversary."""
    from unfooled.auditing.corrupted import corrupted  # noqa: PLC0415  heavy
    from unfooled.core.folder import load  # noqa: PLC0415
    from unfooled.modalities.corruptions import CORRUPTIONS  # noqa: PLC0415

    from .settings import settings_from  # noqa: PLC0415
    from .subject import load_subject  # noqa: PLC0415

    settings = settings_from(locals())
    run = None if into is None else load(into)
    net, examples = load_subject(settings)
    names = list(CORRUPTIONS) if only is None else [name.strip() for name in only.split(",")]
    found = corrupted(net, examples, names, batch=settings.batch, seed=settings.seed, device=settings.device)
    if run is not None and into is not None:
        add(found, run, into)
    if json:
        print_json(found)
    else:
        _write(on_stdout(quiet), found)


def add(found: dict[str, Any], run: Results, place: Path) -> None:
    """Add the figures to a finished run, in the place of older ones of the same corruptions; write its report again.

    Raises:
        RunError: The run is on another model or other data.
    """
    from unfooled.core.folder import save  # noqa: PLC0415  heavy
    from unfooled.report import write_report  # noqa: PLC0415

    hashes = {"another model": run.run["model"].get("sha256"), "other data": run.run["data"]["fingerprint"]}
    for (wrong, theirs), ours in zip(hashes.items(), (found["model"], found["data"]), strict=True):
        if ours != theirs:
            raise RunError(f"This run is on {wrong}", f"{theirs}, not {ours}", "Name a run on the same.")
    measured = {row["corruption"] for row in found["rows"]}
    older = [row for row in run.run.get("corruptions", {"rows": []})["rows"] if row["corruption"] not in measured]
    clean, *rows = found["rows"]
    together = replace(run, run={**run.run, "corruptions": {**found, "rows": [clean, *older, *rows]}})
    save(together, place)
    write_report(together, place / "report.html")


def _write(console: Console, found: dict[str, Any]) -> None:
    clean, *rows = found["rows"]
    table = columns(corruption="left", **{str(severity): "right" for severity in range(1, 6)})
    shares: dict[str, list[str]] = {}
    for row in rows:
        shares.setdefault(row["corruption"], []).append(f"{row['right'] / row['n']:.0%}")
    for name, line in shares.items():
        table.add_row(name, *line)
    console.print(table)
    mean = sum(row["right"] / row["n"] for row in rows) / max(len(rows), 1)
    console.print(
        f"\nread rightly: {clean['right'] / clean['n']:.1%} of {clean['n']:,} as they are; {mean:.1%} on average"
    )
