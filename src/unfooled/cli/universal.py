"""`unfooled universal`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unfooled.core.errors import InputError

from . import options as o
from .auditing import placed, show

if TYPE_CHECKING:
    import numpy as np

    from unfooled.core.results import Results
    from unfooled.core.threat import Carrier

    from .settings import Settings


def universal(
    model: o.Module,
    data: o.Pictures,
    *,
    learn: Annotated[Path, typer.Option(help="A folder of pictures, or recordings, to learn from, without labels.")],
    threat: o.Threat = None,
    most: Annotated[int, typer.Option(help="Learn from at most so many of them.")] = 500,
    fewer: Annotated[str | None, typer.Option(help="Learn from so many as well, to compare: 10,50.")] = None,
    epochs: Annotated[int, typer.Option(help="How often each is looked at.")] = 10,
    goal: o.Goal = None,
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
    out: o.Out = None,
    keep: o.KeepWhich = None,
    overwrite: o.Overwrite = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Learn one change for all pictures or recordings, judge it on others, with noise of its size beside it."""
    settings, place = placed(locals())
    results, change = learned(settings, place, learn, most=most, fewer=_counts(fewer), epochs=epochs)
    show(results, place, json=json, quiet=quiet)
    if not (json or quiet):
        told(results, change)


def learned(
    settings: Settings, place: Path, learn: Path, *, most: int, fewer: list[int], epochs: int
) -> tuple[Results, Path]:
    """Learn and judge, and write the run folder, the artefact in it, and the report."""
    from unfooled.auditing.journal import clear  # noqa: PLC0415  heavy
    from unfooled.auditing.universal import universal as learn_one  # noqa: PLC0415
    from unfooled.core.folder import save  # noqa: PLC0415
    from unfooled.crafting.keeping import keep  # noqa: PLC0415
    from unfooled.report import write_report  # noqa: PLC0415

    from .subject import load_subject, source_note  # noqa: PLC0415

    if len(settings.threats) != 1:
        raise InputError("One change is learned for one threat", settings.threats, "Say --threat linf:10/255.")
    model, examples = load_subject(settings)
    gathered, notes = _gathered(learn, most, examples.carrier)
    results, delta = learn_one(
        model, examples, gathered, settings.threats[0],
        fewer=fewer, batch=settings.batch, seed=settings.seed, device=settings.device, keep=settings.keep,
        note={"source": source_note(settings)}, epochs=epochs,
    )  # fmt: skip
    results = replace(results, run={**results.run, "notes": [*results.run["notes"], *notes]})
    if settings.overwrite:
        clear(place)
    save(results, place)
    write_report(results, place / "report.html")
    return results, keep(delta, place / f"delta-{delta.digest}")


def _gathered(learn: Path, most: int, carrier: Carrier) -> tuple[list[np.ndarray], list[str]]:
    """Read what to learn from, of the kind that is judged, and what the user should be told of it."""
    from unfooled.modalities.gathering import gather, gather_recordings  # noqa: PLC0415  heavy
    from unfooled.modalities.wav import Wav16  # noqa: PLC0415

    if not isinstance(carrier, Wav16):
        return gather(learn, most), []
    waves, notes = gather_recordings(learn, most, carrier.rate)
    return waves, list(notes)


def told(results: Results, change: Path) -> None:
    """Print what was learned, as the report says it, and where it lies."""
    from unfooled.report.crafted import crafted  # noqa: PLC0415  heavy

    from .terminal import on_stdout  # noqa: PLC0415

    found = crafted(results.run)
    for sentence in found.sentences if found else []:
        on_stdout().print(sentence)
    folder = shlex.quote(str(change))
    on_stdout().print(f"change   {folder}\nagain    unfooled audit MODEL DATA --suite apply:{folder}", soft_wrap=True)


def _counts(text: str | None) -> list[int]:
    try:
        return [] if text is None else [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError("These are no numbers of examples", repr(text), "Write --fewer 10,50.") from error
