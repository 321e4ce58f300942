"""`unfooled audit` and `judge`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from unfooled.core.errors import InputError, RunError

from . import options as o
from .terminal import INTERRUPTED, on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.core.results import Results
    from unfooled.report.queries import Terms

    from .settings import Settings


def audit(
    model: o.Model = None, data: o.Data = None, *, threat: o.Threat = None, suite: o.Suite = None,
    surrogate: o.Surrogate = None, starts: o.Starts = None, goal: o.Goal = None, access: o.Access = None,
    budget: o.Budget = None, until: o.Until = None, weights: o.Weights = None, mean: o.Mean = None, std: o.Std = None,
    size: o.Size = None, crop: o.Crop = None, classes: o.Classes = None, defence: o.Defence = None,
    limit: o.Limit = None, shard: o.Shard = None, batch: o.Batch = None, seed: o.Seed = None, device: o.Device = None,
    prepare: o.Prepare = None, diagnosis: o.Diagnosis = None, knowledge: o.Knowledge = None,
    threads: o.Threads = None, config: o.Config = None, out: o.Out = None, keep: o.KeepWhich = None,
    price: o.Price = None, rate: o.Rate = None, cap: o.Cap = None, resume: o.Resume = None,
    overwrite: o.Overwrite = None, json: o.Json = False, quiet: o.Quiet = False,
) -> None:  # fmt: skip
    """Find out what fools a model: attack it, judge each success, write a run folder with a report."""
    settings, place = placed(locals())
    show(audited(settings, place, on_stderr(quiet)), place, json=json, quiet=quiet, terms=settings.terms)


def placed(told: Mapping[str, Any]) -> tuple[Settings, Path]:
    """Read what was told to a command, choose the run folder, and refuse one that holds another run."""
    from .settings import settings_from  # noqa: PLC0415  heavy

    settings = settings_from(told)
    if settings.resume and settings.out is None:
        raise InputError("Which run should go on?", "--resume without --out", "Name its folder: --out RUN --resume.")
    place = Path(settings.out or f"runs/{datetime.now():%Y-%m-%d_%H%M%S}")
    refuse_taken(place, free=settings.resume or settings.overwrite)
    return settings.model_copy(update={"out": str(place)}), place


def refuse_taken(place: Path, *, free: bool) -> None:
    """Refuse to write over a finished run unless the user said so."""
    if not free and (place / "run.json").is_file():
        raise RunError("This folder holds a finished run", place, "Name another folder, or say --overwrite.")


def audited(settings: Settings, place: Path, console: Console, beside: dict[str, str] | None = None) -> Results:
    """Run an audit and write its folder and its report; Ctrl-C says how to go on."""
    from unfooled.auditing.engine import audit as run_audit  # noqa: PLC0415  heavy
    from unfooled.auditing.journal import clear  # noqa: PLC0415
    from unfooled.auditing.planned import planned  # noqa: PLC0415
    from unfooled.report import write_report  # noqa: PLC0415

    from .progress import Bars  # noqa: PLC0415
    from .subject import load_subject, source_note  # noqa: PLC0415

    terms = settings.terms
    model, examples = load_subject(settings)
    told = shared(settings)
    if settings.overwrite and not settings.resume:
        planned(model, examples, settings.threats, settings.attacks, **told)  # the old run goes once this one may begin
        clear(place)
    note = {"command": shlex.join(settings.command), "source": source_note(settings)}
    note |= {"beside": beside} if beside else {}
    progress = Bars.on(console)
    try:
        with progress.bars:
            results = run_audit(
                model, examples, settings.threats, settings.attacks,
                out=place, resume=settings.resume, progress=progress, note=note, **told,
            )  # fmt: skip
    except KeyboardInterrupt as error:
        on_stderr().print(f"\nStopped. What is finished is kept in {place}. To go on:")
        on_stderr().print(f"  {shlex.join([*settings.command, '--resume'])}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from error
    write_report(results, place / "report.html", terms)
    return results


def show(results: Results, place: Path, *, json: bool, quiet: bool, terms: Terms | None = None) -> None:
    """Print what an audit found, for people or for programs."""
    from unfooled.report.queries import UNKNOWN  # noqa: PLC0415  heavy

    from . import summary  # noqa: PLC0415

    terms = terms or UNKNOWN
    if json:
        print_json(summary.as_json(results, place, terms))
        return
    console = on_stdout(quiet)
    summary.write(console, results, terms)
    console.print(f"report   {place / 'report.html'}", soft_wrap=True)
    console.print(f"check    unfooled verify {shlex.quote(str(place))}", soft_wrap=True)


def judge(
    model: o.Model,
    data: o.Data,
    proposals: Annotated[Path, typer.Argument(metavar="ADV.npz", help="The array x_adv, one a clean example.")],
    *,
    threat: o.Threat = None,
    source: Annotated[str, typer.Option(help="Whose they are, for the report.")] = "given",
    goal: o.Goal = None,
    weights: o.Weights = None,
    mean: o.Mean = None,
    std: o.Std = None,
    size: o.Size = None,
    crop: o.Crop = None,
    classes: o.Classes = None,
    defence: o.Defence = None,
    batch: o.Batch = None,
    device: o.Device = None,
    threads: o.Threads = None,
    out: o.Out = None,
    keep: o.KeepWhich = None,
    overwrite: o.Overwrite = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Judge adversarial examples that were made elsewhere, by foolbox, by ART or by hand."""
    settings, place = placed(locals())
    show(judged(settings, place, proposals, source), place, json=json, quiet=quiet)


def judged(settings: Settings, place: Path, proposals: Path, source: str) -> Results:
    """Judge proposals and write the run folder and its report."""
    from unfooled.auditing.given import judge as judge_given  # noqa: PLC0415  heavy
    from unfooled.auditing.journal import clear  # noqa: PLC0415
    from unfooled.core.folder import save  # noqa: PLC0415
    from unfooled.report import write_report  # noqa: PLC0415

    from .subject import load_subject, read_proposals, source_note  # noqa: PLC0415

    model, examples = load_subject(settings)
    results = judge_given(
        model, examples, read_proposals(proposals, examples.shapes), settings.threats,
        source=source, batch=settings.batch, device=settings.device, keep=settings.keep,
        note={"source": source_note(settings)},
    )  # fmt: skip
    if settings.overwrite:
        clear(place)
    save(results, place)
    write_report(results, place / "report.html")
    return results


def shared(settings: Settings) -> dict[str, Any]:
    """Give the settings that the engine and its plan share."""
    from unfooled.auditing.threats import read_access  # noqa: PLC0415  heavy
    from unfooled.models.load import load_model  # noqa: PLC0415

    return {
        "batch": settings.batch,
        "seed": settings.seed,
        "device": settings.device,
        "budget": settings.budget,
        "until": settings.until,
        "diagnose": settings.diagnosis,
        "knowledge": settings.knowledge,
        "access": None if settings.access is None else read_access(settings.access),
        "keep": settings.keep,
        "prepare": settings.prepare,
        "starts": settings.starts,
        "surrogates": [load_model(one, device=settings.device) for one in settings.surrogate],
    }
