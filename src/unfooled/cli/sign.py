"""`unfooled sign` and `unfooled check-sign`."""

from __future__ import annotations

import json as json_module
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unfooled.core.errors import InputError

from . import options as o
from .sticker import Folder, refuse_taken, with_threads
from .terminal import columns, on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.auditing.signs.study import SignStudy
    from unfooled.core.crafting import Crafter

TAPE = "Tape"

Target = Annotated[str | None, typer.Option(help="The class that it is to be read as. (default: any but its own)")]
Models = Annotated[
    list[str] | None, typer.Option(help="A model of the attacker's, as MODEL; several times. (default: MODEL)")
]
Unused = Annotated[list[str] | None, typer.Option(help="A class that is never answered; several times.")]
Mask = Annotated[
    str,
    typer.Option(
        help="bars, rectangles, graffiti, poster, found, or a picture whose white it is.", rich_help_panel=TAPE
    ),
]
Area = Annotated[str, typer.Option(help="Share of the sign.", rich_help_panel=TAPE)]
Colours = Annotated[str, typer.Option(help="printable, black-white or any.", rich_help_panel=TAPE)]
Similarity = Annotated[float | None, typer.Option(help="Least SSIM against the clean sign.", rich_help_panel=TAPE)]
Difference = Annotated[float | None, typer.Option(help="Largest mean colour difference.", rich_help_panel=TAPE)]
Faint = Annotated[
    float | None, typer.Option(help="Most that a colour may differ from the sign's, 0 to 1.", rich_help_panel=TAPE)
]
Width = Annotated[str, typer.Option(help="Of the real sign: 75cm, 30in.", rich_help_panel=o.OUTPUT)]


def sign(
    model: Annotated[str, typer.Argument(help="The model to be fooled, such as zoo:signs.", show_default=False)],
    *,
    target: Target = None,
    sign: Annotated[str, typer.Option(help="The sign that is altered.")] = "stop",
    label: Annotated[str | None, typer.Option(help="The model's class for it. (default: its name)")] = None,
    unused: Unused = None,
    source: Models = None,
    also: Annotated[list[str] | None, typer.Option(help="Another model to look with; several times.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Cast a shadow; no tape.", rich_help_panel=TAPE)] = False,
    mask: Mask = "found",
    area: Area = "13%",
    colours: Colours = "printable",
    faint: Faint = None,
    similarity: Similarity = None,
    difference: Difference = None,
    steps: Annotated[int, typer.Option(help="Of learning.", rich_help_panel=TAPE)] = 400,
    places: Annotated[int, typer.Option(help="Views of each distance and angle, 8 or more.")] = 120,
    width: Width = "75cm",
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    threads: o.Threads = None,
    out: Folder = Path("runs/sign"),
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Alter a road sign so that a model reads it as another; look from every distance and angle, print, report."""
    from unfooled.auditing.signs.study import sign as make  # noqa: PLC0415  heavy
    from unfooled.modalities.sign_print import read_length  # noqa: PLC0415

    refuse_taken(out)
    cm = read_length(width)
    with_threads(threads)
    crafter = _crafter(sign, mask, area, colours, thin=(faint, similarity, difference), steps=steps, shadow=shadow)
    study = make(
        model, target, crafter=crafter, label=label, unused=unused or (), sources=source or (), others=also or (),
        places=places, seed=seed, told=lambda line: on_stderr(quiet).print(line, style="dim"),
    )  # fmt: skip
    write_study(study, out, cm, shlex.join(["unfooled", *sys.argv[1:]]))
    print_json(study.found.as_json()) if json else tell(study, out, quiet=quiet)


def _crafter(
    sign: str, mask: str, area: str, colours: str, *, thin: tuple[float | None, float | None, float | None], steps: int,
    shadow: bool,
) -> Crafter:  # fmt: skip
    from unfooled.auditing.stickers.cast import read_area  # noqa: PLC0415  heavy
    from unfooled.crafting.adversarial_patch import PRINTABLE  # noqa: PLC0415
    from unfooled.crafting.rp2 import BLACK_WHITE, Rp2  # noqa: PLC0415
    from unfooled.crafting.shadow import Shadow  # noqa: PLC0415
    from unfooled.crafting.subtlety import Budget  # noqa: PLC0415

    if shadow:
        return Shadow(sign)
    palettes = {"printable": PRINTABLE, "black-white": BLACK_WHITE, "any": ()}
    if colours not in palettes:
        raise InputError("There are no such colours", repr(colours), f"Choose one of {', '.join(palettes)}.")
    return Rp2(
        sign, mask, read_area(area), palettes[colours], faint=thin[0], budget=Budget(*thin[1:]), steps=steps
    )  # fmt: skip


def write_study(study: SignStudy, out: Path, cm: float, command: str) -> None:
    """Write the altered sign, its print, what trials found, pictures and the report."""
    from dataclasses import replace  # noqa: PLC0415

    from unfooled.crafting.keeping import keep  # noqa: PLC0415  heavy
    from unfooled.crafting.printing import print_sign  # noqa: PLC0415
    from unfooled.modalities.pictures import png_bytes  # noqa: PLC0415
    from unfooled.report.sign import write_sign_report  # noqa: PLC0415

    tape = study.found.about["by"] != "shadow"
    found = replace(study.found, about={**study.found.about, "command": command, "cm": cm})
    out.mkdir(parents=True, exist_ok=True)
    keep(study.sign, out / "sign")
    if tape:
        print_sign(study.sign, out / "sign.pdf", cm=cm)
    shown = out / "pictures"
    shown.mkdir(exist_ok=True)
    (shown / "sign.png").write_bytes(png_bytes(found.altered[:3]))
    for place, glance in enumerate(found.glances):
        (shown / f"{place:02}.png").write_bytes(png_bytes(glance.picture))
    (out / "trials.json").write_text(json_module.dumps(found.as_json(), indent=2), encoding="utf-8")
    write_sign_report(found, out / "report.html", prints="sign.pdf" if tape else None)


def tell(study: SignStudy, out: Path, *, quiet: bool) -> None:
    """Print what the altered sign does."""
    from unfooled.core.sightings import read_in  # noqa: PLC0415

    console, found = on_stdout(quiet), study.found
    about = found.about
    wanted = f'"{about["wanted"]}"' if about["wanted"] else f'anything but "{about["label"]}"'
    changed = about["difference"]
    console.print(
        f"A {about['sign']} sign that is to be read as {wanted}: {changed['area']:.0%} of it changed, SSIM "
        f"{changed['similarity']:.2f}, colour difference {changed['colour']:.1f}; "
        f"{about['cost']['cpu_seconds']:.0f} CPU seconds\n"
    )
    table = columns(model="left", read_so="right", not_read="right", clean_sign_read="right", worst_corner="left")
    for one in about["models"]:
        hit, lost, clean, corner = found.summary(one["name"])
        where = f"{corner.hit.share:.0%} at {corner.pixels} pixels, {corner.yaw} degrees"
        table.add_row(one["name"], f"{hit:.0%}", f"{lost:.0%}", f"{clean:.0%}", where)
    console.print(table)
    frames, metres = read_in(found.drive)
    console.print(f"\ndriving towards it: in {frames} of {len(found.drive)} frames, for {metres:.0f} metres")
    console.print(f"report   {out / 'report.html'}", soft_wrap=True)


def check_sign(
    photo: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.", show_default=False)],
    *,
    model: Annotated[str, typer.Option(help="The model that looks.")],
    outlines: Annotated[
        Path | None, typer.Option(help="A JSON file of the sign's corners in each. (default: outlines.json beside)")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The class that it is to be read as.")] = None,
    tape: Annotated[
        Path | None, typer.Option(help="The folder `sign` of a report: lay that on the clean signs first.")
    ] = None,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Tell what a model reads on photographs of a real sign, in crops around it."""
    from unfooled.auditing.signs.photographs import look_at_signs  # noqa: PLC0415  heavy
    from unfooled.crafting.altered_sign import AlteredSign  # noqa: PLC0415
    from unfooled.crafting.keeping import read  # noqa: PLC0415

    with_threads(threads)
    laid = None if tape is None else read(tape)
    if laid is not None and not isinstance(laid, AlteredSign):
        raise InputError("This is no tape for a sign", f"a {laid.kind} in {tape}", "Name a folder that `sign` wrote.")
    looks = look_at_signs(model, photo, outlines, target, laid)
    if json:
        print_json([one.as_json() for one in looks])
        return
    console = on_stdout()
    for one in looks:
        console.print(one.sentence)
