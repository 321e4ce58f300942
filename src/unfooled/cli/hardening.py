"""`unfooled harden`, `defences` and `compare`."""

from __future__ import annotations

import inspect
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.text import Text

from unfooled.core.errors import InputError, RunError

from . import options as o
from .terminal import columns, on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.core.hardened import Hardened
    from unfooled.hardening.settings import Settings

TRAINING, PRICES = "Training", "Prices"

Recipes = Annotated[
    list[str] | None,
    typer.Option(
        "--recipe",
        "-r",
        help="n-fgsm, pgd-at, jpeg:quality=50, swap-silu+pgd-at, ...: see `unfooled defences`; several times.",
        rich_help_panel=TRAINING,
    ),
]

Threat = Annotated[str, typer.Option("--threat", "-t", help="What to stand against.", rich_help_panel=o.ATTACKER)]
Epochs = Annotated[int, typer.Option(help="Times each picture is seen.", rich_help_panel=TRAINING)]
Budget = Annotated[
    str | None, typer.Option(help="Time of each training instead: 90s, 30min, 2h.", rich_help_panel=TRAINING)
]
Rate = Annotated[float, typer.Option(help="Learning rate at the start.", rich_help_panel=TRAINING)]
Batch = Annotated[int, typer.Option(help="Pictures of a step.", rich_help_panel=TRAINING)]
Half = Annotated[bool, typer.Option("--bf16", help="Train in bfloat16.", rich_help_panel=TRAINING)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin from new weights.", rich_help_panel=TRAINING)]
Audited = Annotated[int, typer.Option(help="Most pictures that are audited.", rich_help_panel=o.RUN)]
Watts = Annotated[float, typer.Option(help="Power of this machine at work.", rich_help_panel=PRICES)]
Kwh = Annotated[float, typer.Option(help="Price of a kilowatt-hour.", rich_help_panel=PRICES)]
Hour = Annotated[float, typer.Option(help="Price of an hour of this machine.", rich_help_panel=PRICES)]
Currency = Annotated[str, typer.Option(help="Of both prices.", rich_help_panel=PRICES)]
Traffic = Annotated[float, typer.Option(help="Pictures a day, for false alarms.", rich_help_panel=PRICES)]
Out = Annotated[Path, typer.Option(help="Folder to write.", rich_help_panel=o.OUTPUT)]


def harden(
    model: o.Module = None,
    data: o.Pictures = None,
    *,
    recipe: Recipes = None,
    threat: Threat = "linf:8/255",
    epochs: Epochs = 10,
    budget: Budget = None,
    rate: Rate = 2e-3,
    batch: Batch = 128,
    bf16: Half = False,
    fresh: Fresh = False,
    examples: Audited = 500,
    weights: o.Weights = None,
    mean: o.Mean = None,
    std: o.Std = None,
    size: o.Size = None,
    crop: o.Crop = None,
    classes: o.Classes = None,
    limit: o.Limit = None,
    seed: o.Seed = None,
    device: o.Device = None,
    threads: o.Threads = None,
    watts: Watts = 65.0,
    kwh: Kwh = 0.30,
    hour: Hour = 0.0,
    currency: Currency = "EUR",
    traffic: Traffic = 1e6,
    out: Out = Path("runs/hardened"),
    resume: o.Resume = None,
    overwrite: o.Overwrite = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Try defences: train or wrap, attack as those do who know of the defence, and write the bill."""
    _check(recipe, out, free=bool(resume or overwrite))
    told = {**locals(), "threat": [threat], "time": budget, "rows": batch, "learning": rate}
    told |= dict.fromkeys(("batch", "budget", "rate"))  # which mean other things to an audit
    rows = hardened(told, threat, recipe or [], out, resume=bool(resume), console=on_stderr(quiet or json))
    print_json(_as_json(rows, out)) if json else show(on_stdout(quiet), rows, out)


def _as_json(rows: list[Hardened], out: Path) -> dict[str, Any]:
    from unfooled.core.hardened import front, recommendation  # noqa: PLC0415  heavy

    best = front(rows)
    told = [asdict(row) | {"advice": row.advice, "front": row in best} for row in rows]
    return {"out": str(out), "defences": told, "recommendation": recommendation(rows)}


def _check(recipe: list[str] | None, out: Path, *, free: bool) -> None:
    if not recipe:
        raise InputError("Which defences are to be tried?", "no --recipe", "Name one: --recipe n-fgsm.")
    if (out / "harden.json").is_file() and not free:
        raise RunError("This folder holds hardened models", out, "Name another, or say --resume or --overwrite.")


def hardened(
    told: dict[str, Any], threat: str, recipes: list[str], out: Path, *, resume: bool, console: Console
) -> list[Hardened]:
    """Run what the command line asks for, and write the report."""
    from unfooled.hardening.harden import harden as run  # noqa: PLC0415  heavy
    from unfooled.report.hardened import write_hardened  # noqa: PLC0415

    from .settings import settings_from  # noqa: PLC0415
    from .subject import load_subject  # noqa: PLC0415

    model, data = load_subject(settings_from(told))

    def tell(what: str, row: dict[str, Any]) -> None:
        if what:
            console.print(what, style="bold")
        if row:
            went = "collapsed, rolled back" if row["collapsed"] else ""
            console.print(
                f"  epoch {row['epoch']:>3}   loss {row['loss']:.3f}   clean {row['clean']:6.1%}   "
                f"robust {row['robust']:6.1%}   {row['seconds']:.0f} s   {went}",
                style="dim",
            )

    rows = run(model, data, threat, recipes, out, settings=_settings(told), resume=resume, tell=tell)
    write_hardened(rows, out / "report.html")
    return rows


def _settings(told: dict[str, Any]) -> Settings:
    from unfooled.auditing.cohorts import read_budget  # noqa: PLC0415  heavy
    from unfooled.defences.training.schedule import Schedule  # noqa: PLC0415
    from unfooled.hardening.pricing import Prices  # noqa: PLC0415
    from unfooled.hardening.settings import Settings  # noqa: PLC0415

    answers, seconds = read_budget(told["time"])
    if answers is not None:
        raise InputError("A budget of training is time", told["time"], "Write 90s, 30min or 2h.")
    schedule = Schedule(
        epochs=told["epochs"], seconds=seconds, batch=told["rows"], rate=told["learning"],
        precision="bf16" if told["bf16"] else "float32", seed=told["seed"] or 0,
    )  # fmt: skip
    prices = Prices(told["watts"], told["kwh"], told["hour"], told["currency"])
    return Settings(schedule, examples=told["examples"], fresh=told["fresh"], prices=prices, traffic=told["traffic"])


def show(console: Console, rows: list[Hardened], out: Path) -> None:
    """Print the table and what to do."""
    from unfooled.core.hardened import recommendation  # noqa: PLC0415  heavy
    from unfooled.report.hardened import TITLES, lines  # noqa: PLC0415

    table = columns(**dict.fromkeys((title.replace(" ", "_") for title in TITLES), "left"))
    for line in lines(rows):
        table.add_row(*line)
    console.print(
        f"\n{rows[0].n:,} pictures that nothing was trained on, under {rows[0].threat}: robust accuracy where the "
        "defence is unknown to the attacker, and where it is known\n"
    )
    console.print(table)
    console.print()
    for row in rows:
        told = " ".join(filter(None, (row.advice, row.alarm, row.bill.told)))
        console.print(f"{row.name}: {told}", soft_wrap=True)
    console.print(f"\n{recommendation(rows)}", style="bold", soft_wrap=True)
    console.print(f"report   {out / 'report.html'}", soft_wrap=True)


def defences(json: o.Json = False) -> None:
    """List the defences: how good the evidence is, what breaks them, what they set."""
    from unfooled.defences import DEFENCES  # noqa: PLC0415  heavy
    from unfooled.defences.card import ADAPTIVE, GRADES  # noqa: PLC0415

    if json:
        print_json(
            {"defences": {name: asdict(defence.card) | {"does": _does(defence), "settings": _set(defence)}
                          for name, defence in DEFENCES.items()},
             "grades": GRADES, "adaptive": ADAPTIVE}
        )  # fmt: skip
        return
    console = on_stdout()
    for name, defence in sorted(DEFENCES.items(), key=lambda item: item[1].card.grade):
        card = defence.card
        console.print(Text.assemble((f"{name:<17}", "bold"), f"{card.grade:<3} {card.kind}; {card.mitigation}"))
        console.print(f"  {_does(defence)}")
        console.print(f"  {card.source}; attacked by {', '.join(card.adaptive)}", style="dim")
        console.print(f"  {_set(defence) or 'nothing to set'}\n", style="dim")
    for grade, meaning in GRADES.items():
        console.print(f"  {grade:<3} {meaning}", style="dim")


def compare(
    before: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    after: Annotated[Path, typer.Argument(metavar="RUN", help="Another, on the same examples.", show_default=False)],
    json: o.Json = False,
) -> None:
    """Compare two runs on the same examples: what was won and lost, by a paired test."""
    from unfooled.core.folder import load  # noqa: PLC0415  heavy
    from unfooled.report.compare import compare as paired  # noqa: PLC0415

    found = paired(load(before), load(after))
    if json:
        print_json([asdict(one) | {"sentence": one.sentence} for one in found])
        return
    for one in found:
        on_stdout().print(one.sentence, soft_wrap=True)


def _does(defence: object) -> str:
    return (inspect.getdoc(type(defence)) or "").partition("\n")[0]


def _set(defence: object) -> str:
    """Write the settings down: numbers as `--recipe` and `--defence` take them, the parts of a training in words."""
    told = {one.name: getattr(defence, one.name) for one in fields(cast(Any, defence)) if one.name not in _UNTOLD}
    return ", ".join(_written(name, value) for name, value in told.items() if value is not None)


def _written(name: str, value: object) -> str:
    if isinstance(value, int | float):
        return f"{name}={value + 0:g}"
    if not is_dataclass(value):
        return f"{name} {value}"
    inner = _set(value)
    return f"{name} {type(value).__name__.lower()}{inner and f' ({inner})'}"


_UNTOLD = ("name", "card", "passes")
"""What is told elsewhere: a defence's own name, and what it costs."""
