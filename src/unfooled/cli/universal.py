"""`unfooled universal`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unfooled.core.errors import InputError

from . import options as o
from .auditing import placed, show

if TYPE_CHECKING:
    import numpy as np

    from unfooled.core.results import Results

    from .settings import Settings


def universal(
    model: o.Module,
    data: o.Pictures,
    *,
    learn: Annotated[Path, typer.Option(help="A folder of pictures to learn from; labels are not needed.")],
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
    """Learn one change for all pictures from a folder, judge it on other data, with noise of its size beside it."""
    from unfooled.modalities.gathering import gather  # noqa: PLC0415  heavy

    settings, place = placed(locals())
    results = learned(settings, place, gather(learn, most), _counts(fewer), epochs)
    show(results, place, json=json, quiet=quiet)
    if not (json or quiet):
        told(results)


def learned(settings: Settings, place: Path, learn: list[np.ndarray], fewer: list[int], epochs: int) -> Results:
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
    results, delta = learn_one(
        model, examples, learn, settings.threats[0],
        fewer=fewer, batch=settings.batch, seed=settings.seed, device=settings.device, keep=settings.keep,
        note={"source": source_note(settings)}, epochs=epochs,
    )  # fmt: skip
    if settings.overwrite:
        clear(place)
    save(results, place)
    keep(delta, place / f"delta-{delta.digest}")
    write_report(results, place / "report.html")
    return results


def told(results: Results) -> None:
    """Print what was learned, as the report says it."""
    from unfooled.report.crafted import crafted  # noqa: PLC0415  heavy

    from .terminal import on_stdout  # noqa: PLC0415

    found = crafted(results.run)
    for sentence in found.sentences if found else []:
        on_stdout().print(sentence)


def _counts(text: str | None) -> list[int]:
    try:
        return [] if text is None else [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError("These are no numbers of pictures", repr(text), "Write --fewer 10,50.") from error
