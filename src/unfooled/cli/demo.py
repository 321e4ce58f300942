"""`unfooled demo`: a real network, twenty photographs, what fools it, and a sticker that does."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from . import options as o
from .auditing import audited
from .terminal import on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.core.results import Results

MODEL, DATA, THREATS = "zoo:efficientnet-lite0", "zoo:photos", ("linf:4/255", "l2:3")

LEARNED, BECOMES, STEPS = "zoo:unlabelled", "toaster", 360
BESIDE = {"sticker/report.html": f"A sticker that turns these photographs into a {BECOMES}"}

OPENING = (
    "EfficientNet-Lite0 has learnt to name what is on a photograph. Here are twenty; each may be changed by so little "
    "that hardly anybody would notice"
)


def demo(
    *,
    out: Annotated[Path, typer.Option(help="Run folder; an earlier demo in it is replaced.")] = Path("runs/demo"),
    batch: Annotated[int, typer.Option(help="Rows of a pass.")] = 4,
    threads: o.Threads = None,
    sticker: Annotated[bool, typer.Option(help="Make a sticker too: four minutes of one core at most.")] = True,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Audit EfficientNet-Lite0 on twenty photographs: some minutes on two cores."""
    from . import summary  # noqa: PLC0415  heavy
    from .settings import Settings  # noqa: PLC0415

    told, console = on_stderr(quiet or json), on_stdout(quiet)
    told.print(f"{OPENING} ({' or '.join(THREATS)}). What does the network answer then?\n")
    settings = Settings(
        model=MODEL, data=DATA, threat=THREATS, batch=batch, threads=threads, out=str(out), overwrite=True
    )
    with_sticker = sticker and importlib.util.find_spec("ai_benchmark") is not None
    results = audited(settings, out, on_stderr(quiet), BESIDE if with_sticker else None)
    if not json:
        summary.write(console, results)
        _example(console, results)
    if with_sticker:
        _sticker(out, quiet=quiet, silent=json)
    if json:
        print_json(summary.as_json(results, out))
        return
    place = shlex.quote(str(out))
    console.print(f"The report, with pictures:   {out / 'report.html'}", soft_wrap=True)
    console.print("\nNext:")
    for line, why in (
        (f"unfooled verify {place}", "ask the network again about every picture"),
        (f"unfooled export {place} --out {place}-files", "the pictures as real PNG files"),
        (f"unfooled doctor {MODEL} {DATA}", "is a model fit for an audit?"),
        ("unfooled audit model.py:factory folder/ --threat linf:4/255", "your own model"),
    ):
        console.print(Text.assemble(f"  {line:<62} ", (why, "dim")), soft_wrap=True)


def _sticker(out: Path, *, quiet: bool, silent: bool) -> None:
    """Make a toaster sticker from other photographs and tell of it, in a folder of its own."""
    from unfooled.auditing.stickers.study import sticker  # noqa: PLC0415  heavy
    from unfooled.crafting.adversarial_patch import AdversarialPatch  # noqa: PLC0415

    from .sticker import tell, write_study  # noqa: PLC0415

    place, progress = out / "sticker", on_stderr(quiet or silent)
    shutil.rmtree(place, ignore_errors=True)
    study = sticker(
        MODEL, LEARNED, DATA, BECOMES, patch=AdversarialPatch(steps=STEPS),
        told=lambda line: progress.print(line, style="dim"),
    )  # fmt: skip
    command = ["unfooled", "sticker", MODEL, "--learn", LEARNED, "--judge", DATA, "--target", BECOMES]
    write_study(study, place, 12.0, shlex.join([*command, "--steps", str(STEPS)]))
    if not silent:
        tell(study, place, quiet=quiet)


def _example(console: Console, results: Results) -> None:
    """Tell of the picture that the network was fooled about most surely."""
    from unfooled.report.tables import class_names  # noqa: PLC0415  heavy
    from unfooled.report.wording import class_name  # noqa: PLC0415

    names = class_names(results.run)
    broken = [row for row in results.records.to_pylist() if row["broken"]]
    if not broken:
        return
    row = max(broken, key=lambda row: min(row["clean_confidence"], row["adv_confidence"]))
    before, after = class_name(row["clean_label"], names), class_name(row["adv_label"], names)
    name = Path(row["name"]).stem
    console.print(
        f'For example {name}, under {row["threat"]}: "{before}" {row["clean_confidence"]:.0%} '
        f'-> "{after}" {row["adv_confidence"]:.0%}\n',
        style="bold",
    )
