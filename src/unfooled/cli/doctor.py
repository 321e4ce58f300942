"""`unfooled doctor`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from . import options as o
from .terminal import FAILED, on_stdout, print_json

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    model: o.Model,
    data: o.Data,
    *,
    weights: o.Weights = None,
    mean: o.Mean = None,
    std: o.Std = None,
    size: o.Size = None,
    crop: o.Crop = None,
    classes: o.Classes = None,
    limit: Annotated[int, typer.Option(min=1, help="Examples to ask about, from the first.")] = 64,
    batch: o.Batch = None,
    device: o.Device = None,
    threads: o.Threads = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Check that a model and its data are fit for an audit; exit 1 if they are not."""
    from unfooled.auditing.doctor import examine  # noqa: PLC0415  heavy

    from .settings import settings_from  # noqa: PLC0415
    from .subject import the_data, the_model  # noqa: PLC0415

    settings = settings_from({**locals(), "limit": None})
    patient = the_model(settings)
    checks = examine(patient, the_data(settings.data), batch=settings.batch, limit=limit, device=settings.device)
    statuses = [check.status for check in checks]
    if json:
        print_json({"ok": "fail" not in statuses, "checks": [vars(check) for check in checks]})
    else:
        console = on_stdout(quiet)
        for check in checks:
            _line(console, check.name, check.status, check.found, check.advice)
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in COLOURS if status in statuses)
        console.print(f"\n{counts}", style=COLOURS[max(statuses, key=list(COLOURS).index)])
    if "fail" in statuses:
        raise typer.Exit(FAILED)


def _line(console: Console, name: str, status: str, found: str, advice: str) -> None:
    mark = "\u25cf " if console.is_terminal else ""
    console.print(f"{mark}{status:<5}", style=COLOURS[status], end="")
    console.print(f" {name:<20} {found}")
    if advice:
        console.print(f"{'':>{len(mark) + 27}}{advice}", style="dim" if status == "ok" else COLOURS[status])
