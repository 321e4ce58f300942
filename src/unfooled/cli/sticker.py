"""`unfooled sticker` and `unfooled check-photo`."""

from __future__ import annotations

import json as json_module
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unfooled.core.errors import InputError, RunError

from . import options as o
from . import vanishing
from .terminal import columns, on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.auditing.stickers.study import Study
    from unfooled.scenes.outlines import Outline
    from unfooled.scenes.scene import Scene

STICKER = "Sticker"

Victim = Annotated[str, typer.Argument(help="The model to be fooled.", show_default=False)]
Target = Annotated[str | None, typer.Option(help="The class that it is to be. (default: any wrong one)")]
Aim = Annotated[str | None, typer.Option(help="vanish: a detector stops reporting what it lies on.")]
Area = Annotated[str, typer.Option(help="Share of the picture that it covers; to vanish, of the object's square.")]
Picture = Annotated[Path | None, typer.Option(help="A picture of the target, to be tried beside it.")]
Matrix = Annotated[bool, typer.Option("--matrix", help="Learn from each source alone and all but one, too.")]
Placements = Annotated[int, typer.Option(help="Places tried on each photograph.")]
Seed = Annotated[int, typer.Option(help="Of all randomness.")]
Learn = Annotated[str, typer.Option(help="Photographs to learn from: a folder, or zoo:unlabelled.")]
Judge = Annotated[str, typer.Option(help="Other photographs to try it on: a folder, a CSV, or zoo:photos.")]
Models = Annotated[
    list[str] | None, typer.Option(help="A model of the attacker's, as MODEL; several times. (default: MODEL)")
]
Also = Annotated[list[str] | None, typer.Option(help="Another model to try it on; several times.")]
Form = Annotated[
    str, typer.Option(help="circle, square, rectangle:1.5, or a picture whose white is it.", rich_help_panel=STICKER)
]
Steps = Annotated[int | None, typer.Option(help="Of learning. (default: 440; to vanish, 150)", rich_help_panel=STICKER)]
Place = Annotated[
    str | None,
    typer.Option(
        help="Where it stands: 0,0 upper left to 1,1. (default: anywhere; to vanish, on the object's middle)",
        rich_help_panel=STICKER,
    ),
]
Allowed = Annotated[
    Path | None, typer.Option(help="A picture, white where its middle may stand.", rich_help_panel=STICKER)
]
Rotation = Annotated[float, typer.Option(help="Largest turn either way, in degrees.", rich_help_panel=STICKER)]
Tilt = Annotated[float, typer.Option(help="Perspective, 0 to below 1.", rich_help_panel=STICKER)]
Smoothing = Annotated[float, typer.Option(help="Weight of total variation.", rich_help_panel=STICKER)]
Printable = Annotated[bool, typer.Option("--printable", help="Keep to printers' colours.", rich_help_panel=STICKER)]
Cm = Annotated[float, typer.Option(help="Width on paper.", rich_help_panel=o.OUTPUT)]
Folder = Annotated[Path, typer.Option(help="Folder to write.", rich_help_panel=o.OUTPUT)]


def sticker(
    model: Victim, *, learn: Learn, judge: Judge, target: Target = None, area: Area = "15%", source: Models = None,
    goal: Aim = None, also: Also = None, picture: Picture = None, matrix: Matrix = False, form: Form = "circle",
    steps: Steps = None, place: Place = None, allowed: Allowed = None, rotation: Rotation = 22.5, tilt: Tilt = 0.0,
    smoothing: Smoothing = 0.0, printable: Printable = False, placements: Placements = 4, seed: Seed = 0,
    threads: o.Threads = None, cm: Cm = 12.0, out: Folder = Path("runs/sticker"), json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:  # fmt: skip
    """Make a sticker that fools a model wherever it lies; try it on other photographs, print it, report."""
    if goal is not None:
        vanishing.sticker(dict(locals()))
        return
    from unfooled.auditing.stickers.making import loss_for  # noqa: PLC0415  heavy
    from unfooled.auditing.stickers.study import sticker as make  # noqa: PLC0415
    from unfooled.crafting.adversarial_patch import PRINTABLE, AdversarialPatch  # noqa: PLC0415
    from unfooled.modalities.printing import page_for  # noqa: PLC0415

    refuse_taken(out)
    with_threads(threads)
    outline, progress = read_form(form), on_stderr(quiet)
    page_for(cm, outline.aspect)
    colours = PRINTABLE if printable else ()
    patch = AdversarialPatch(steps=steps or 440, smoothing=smoothing, palette=colours, loss=loss_for(target))
    study = make(
        model, learn, judge, target, area, sources=source or (), others=also or (), outline=outline,
        scene=read_scene(place, allowed, rotation, tilt), patch=patch, placements=placements, picture=picture,
        matrix=matrix, seed=seed, told=lambda line: progress.print(line, style="dim"),
    )  # fmt: skip
    study = write_study(study, out, cm, shlex.join(["unfooled", *sys.argv[1:]]))
    if json:
        print_json(study.found.as_json())
        return
    tell(study, out, quiet=quiet)


def read_form(text: str) -> Outline:
    """Read a sticker's form: a word, or a picture whose white is the sticker."""
    from unfooled.modalities.decoding import SUFFIXES  # noqa: PLC0415  heavy
    from unfooled.modalities.pictures import read_picture  # noqa: PLC0415
    from unfooled.scenes.outlines import Outline  # noqa: PLC0415

    if Path(text).suffix.lower() in SUFFIXES:
        return Outline.of(read_picture(text).max(axis=0) > 127)
    return Outline.named(text)


def read_scene(place: str | None, allowed: Path | None, rotation: float, tilt: float) -> Scene:
    """Read where a sticker may stand and how it may be turned."""
    from unfooled.auditing.stickers.study import TRIED  # noqa: PLC0415  heavy
    from unfooled.auditing.threats import region_reader  # noqa: PLC0415
    from unfooled.core.numerals import read_number  # noqa: PLC0415

    where = None
    if place is not None:
        try:
            x, y = (read_number(part) for part in place.split(","))
        except (ValueError, ZeroDivisionError) as error:
            raise InputError("A place is two numbers from 0 to 1", repr(place), "Write --place 0.5,0.5.") from error
        where = x, y
    region = None if allowed is None else region_reader(Path())(str(allowed))
    kept: dict[str, Any] = {"rotation": rotation, "tilt": tilt, "place": where, "allowed": region}
    return type(TRIED)(contrast=TRIED.contrast, brightness=TRIED.brightness, **kept)


def refuse_taken(out: Path) -> None:
    """Refuse a folder that holds a sticker."""
    if (out / "report.html").exists() or (out / "sticker").exists():
        raise RunError("This folder holds a report", out, "Name another one: --out FOLDER.")


def with_threads(threads: int | None) -> None:
    """Set how many threads torch may use."""
    import torch  # noqa: PLC0415  heavy

    if threads is not None:
        if threads < 1:
            raise InputError("A run needs at least one thread", threads, "Give --threads 1 or more.")
        torch.set_num_threads(threads)


def write_study(study: Study, out: Path, cm: float, command: str) -> Study:
    """Write the sticker, its print, what trials found, pictures and the report; returns it with the command noted."""
    from dataclasses import replace  # noqa: PLC0415

    from unfooled.crafting.keeping import keep  # noqa: PLC0415  heavy
    from unfooled.crafting.printing import save_print  # noqa: PLC0415
    from unfooled.modalities.pictures import png_bytes  # noqa: PLC0415
    from unfooled.report.sticker import write_sticker_report  # noqa: PLC0415

    found = replace(study.found, about={**study.found.about, "command": command})
    out.mkdir(parents=True, exist_ok=True)
    keep(study.sticker, out / "sticker")
    title = (
        f"{found.about['wanted'] or 'anything but the right answer'}, learned on {', '.join(found.about['learned'])}"
    )
    save_print(study.sticker, out / "sticker.pdf", cm=cm, title=title)
    shown = out / "pictures"
    shown.mkdir(exist_ok=True)
    for place, shot in enumerate(found.shots):
        (shown / f"{place:02}-{Path(shot.name).stem}.png").write_bytes(png_bytes(shot.picture))
    (out / "trials.json").write_text(json_module.dumps(found.as_json(), indent=2), encoding="utf-8")
    write_sticker_report(found, out / "report.html", prints="sticker.pdf")
    return replace(study, found=found)


def tell(study: Study, out: Path, *, quiet: bool) -> None:
    """Print what a sticker does."""
    console, found = on_stdout(quiet), study.found
    about, table = found.about, columns(what="left", model="left", area="right", goal="right", top_5="right")
    for one in found.trials:
        low, high = one.hit.interval
        hit, top = f"{one.hit.share:.0%} ({low:.0%}-{high:.0%})", "" if one.top5 is None else f"{one.top5.share:.0%}"
        learned = f" ({', '.join(one.learned)})" if one.learned and one.learned != tuple(about["learned"]) else ""
        table.add_row(one.what + learned, one.model, f"{one.area:.0%}", hit, top)
    seconds = sum(one["cpu_seconds"] for one in about["cost"])
    wanted = about["wanted"] or "any wrong answer"
    console.print(f'A sticker for "{wanted}", learned on {", ".join(about["learned"])} in {seconds:.0f} CPU seconds\n')
    console.print(table)
    console.print(f"\nreport   {out / 'report.html'}\nprint    {out / 'sticker.pdf'}", soft_wrap=True)


def check_photo(
    photo: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", show_default=False)],
    *,
    model: Annotated[str, typer.Option(help="The model that looks.")],
    target: Annotated[str | None, typer.Option(help="The class that the sticker is to be.")] = None,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Tell what a model sees on photographs of a printed sticker: in the whole picture and in parts of it."""
    from unfooled.auditing.stickers.looking import look  # noqa: PLC0415  heavy

    with_threads(threads)
    looks = look(model, photo, target)
    if json:
        print_json([one.as_json() for one in looks])
        return
    console = on_stdout()
    for one in looks:
        console.print(one.sentence, style="bold")
        table = columns(part="left", five_likeliest="left")
        for part, top in one.parts:
            table.add_row(part, ", ".join(f"{name} {sure:.0%}" if sure is not None else name for name, sure in top))
        console.print(table)
