"""What can be done with a finished run: `unfooled verify`, `report`, `export` and `merge`."""

from __future__ import annotations

from functools import reduce
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .auditing import refuse_taken, show
from .terminal import FAILED, columns, on_stdout, print_json


def verify(
    run: o.Run,
    *,
    model: Annotated[str | None, typer.Option(help="Where the model is, if not where the run says.")] = None,
    files: Annotated[Path | None, typer.Option(help="Check the files that `unfooled export` wrote there.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps.")] = "cpu",
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Check every stored example again, one at a time, against the model; exit 1 if one is not confirmed."""
    from unfooled.auditing.verify import verify as check  # noqa: PLC0415  heavy
    from unfooled.core.folder import load  # noqa: PLC0415

    from .subject import recorded_settings, the_model  # noqa: PLC0415

    results = load(run)
    checked = check(results, the_model(recorded_settings(results.run, model, device)), device=device, files=files)
    doubtful = [one for one in checked if not one.confirmed]
    if json:
        lines = [vars(one) | {"distance": one.distance if isfinite(one.distance) else None} for one in checked]
        print_json({"confirmed": len(checked) - len(doubtful), "of": len(checked), "examples": lines})
    else:
        console = on_stdout(quiet)
        style = "bold red" if doubtful else "bold green"
        console.print(f"confirmed {len(checked) - len(doubtful):,} of {len(checked):,}", style=style)
        if doubtful:
            table = columns(threat="left", example="left", found="left")
            for one in doubtful:
                table.add_row(one.threat, one.name, one.why)
            console.print(table)
    if doubtful:
        raise typer.Exit(FAILED)


def report(
    run: o.Run,
    *,
    out: Annotated[Path | None, typer.Option(help="File to write. (default: RUN/report.html)")] = None,
    price: o.Price = None,
    rate: o.Rate = None,
    cap: o.Cap = None,
) -> None:
    """Write the report of a run again: one HTML page that needs nothing but itself."""
    from unfooled.core.folder import load  # noqa: PLC0415  heavy
    from unfooled.report import write_report  # noqa: PLC0415
    from unfooled.report.queries import read_terms  # noqa: PLC0415

    terms = read_terms(price, rate, cap)
    on_stdout().print(str(write_report(load(run), out or run / "report.html", terms)))


def export(run: o.Run, out: Annotated[Path, typer.Option(help="Folder to write, new or empty.")]) -> None:
    """Write the adversarial examples of a run as real files, with a table that says what each is."""
    from unfooled.auditing.export import MANIFEST  # noqa: PLC0415  heavy
    from unfooled.auditing.export import export as write_files  # noqa: PLC0415
    from unfooled.core.folder import load  # noqa: PLC0415
    from unfooled.report.wording import count  # noqa: PLC0415

    pairs = write_files(load(run), out)
    on_stdout().print(f"{count(pairs, 'pair')} of files in {out}, listed in {out / MANIFEST}")


def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Runs on the same model.")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    overwrite: o.Overwrite = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Join runs on the same model: examples and threats add up, and accuracy only falls."""
    from unfooled.auditing.journal import clear  # noqa: PLC0415  heavy
    from unfooled.core.folder import load, save  # noqa: PLC0415
    from unfooled.core.results import Results  # noqa: PLC0415
    from unfooled.report import write_report  # noqa: PLC0415

    refuse_taken(out, free=bool(overwrite))
    results = reduce(Results.merge, map(load, runs))
    if overwrite:
        clear(out)
    save(results, out)
    write_report(results, out / "report.html")
    show(results, out, json=json, quiet=quiet)
