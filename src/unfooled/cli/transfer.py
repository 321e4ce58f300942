"""`unfooled transfer`."""

from __future__ import annotations

import json as text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unfooled.core.errors import InputError, RunError

from . import options as o
from .terminal import columns, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.core.matrix import Matrix

TABLE = "transfer.json"


def transfer(
    data: o.Pictures,
    *,
    model: Annotated[list[str], typer.Option(help="A model with gradients, as for harden; two or more.")],
    threat: Annotated[str, typer.Option("--threat", "-t", help="What the attacker may change.")] = "linf:16/255",
    attack: Annotated[
        list[str] | None, typer.Option(help="mi-fgsm, di-ti-mi, si-ni, vmi, bsr, fia; several times.")
    ] = None,
    family: Annotated[list[str] | None, typer.Option(help="Architecture of each model, in their order.")] = None,
    learned: Annotated[list[str] | None, typer.Option(help="What each model was trained on, likewise.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs/transfer"),
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
    overwrite: o.Overwrite = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Attack each model and show what was found to all others: a table of who fools whom, with a page."""
    told = dict(locals())
    if (out / TABLE).is_file() and not overwrite:
        raise RunError("This folder holds a table of transfer", out, "Name another folder, or say --overwrite.")
    matrix, page = _attacked(told, model, threat, out)
    if json:
        print_json(matrix.as_json())
    else:
        _write(matrix, page, quiet=quiet)


def _attacked(told: dict[str, Any], model: list[str], threat: str, out: Path) -> tuple[Matrix, Path]:
    """Make the table, and write it into its folder as JSON and as a page."""
    from unfooled.auditing.matrix import CHAINS  # noqa: PLC0415  heavy
    from unfooled.auditing.matrix import transfer as table  # noqa: PLC0415
    from unfooled.report.transfer import write_transfer  # noqa: PLC0415

    from .settings import settings_from  # noqa: PLC0415
    from .subject import the_examples, the_model  # noqa: PLC0415

    names = [name.rpartition("/")[2] for name in model]
    if len(set(names)) < len(names):
        raise InputError("Two models have one name", ", ".join(names), "Name each model once.")
    about = {word: _named(names, told[word], word) for word in ("family", "learned")}
    first, *others = (settings_from({**told, "model": one, "threat": [threat]}) for one in model)
    models = {name: the_model(one) for name, one in zip(names, (first, *others), strict=True)}
    matrix = table(
        models, the_examples(first, models[names[0]]), threat, told["attack"] or CHAINS,
        families=about["family"], learned=about["learned"], batch=first.batch, seed=first.seed,
    )  # fmt: skip
    page = write_transfer(matrix, out / "transfer.html")
    (out / TABLE).write_text(text.dumps(matrix.as_json(), indent=2) + "\n", encoding="utf-8")
    return matrix, page


def _named(names: list[str], given: list[str] | None, word: str) -> dict[str, str]:
    """Pair what is said of the models with their names, in order."""
    if given and len(given) != len(names):
        raise InputError(f"--{word} is said of each model", f"{len(given)} for {len(names)} models", "Repeat it.")
    return dict(zip(names, given or [], strict=False))


def _write(matrix: Matrix, page: Path, *, quiet: bool) -> None:
    from unfooled.report.transfer import sentences, share, span  # noqa: PLC0415  heavy

    console = on_stdout(quiet)
    lines = columns(attack="left", climbed="left", target="left", fooled="right", share="right", interval="right")
    for cell in matrix.cells:
        counted = f"{cell.fooled:,} of {cell.n:,}"
        lines.add_row(cell.attack, " + ".join(cell.sources), cell.target, counted, share(cell), span(cell))
    console.print(lines)
    for sentence in sentences(matrix):
        console.print(sentence)
    console.print(f"report   {page}", soft_wrap=True)
