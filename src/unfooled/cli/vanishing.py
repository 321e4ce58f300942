"""`unfooled sticker --goal vanish`: a detector stops reporting what a sticker lies on."""

from __future__ import annotations

import json as json_module
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfooled.core.errors import InputError

from .terminal import columns, on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from unfooled.auditing.stickers.vanish import VanishStudy

_MIDDLE = "0.5,0.5"
_OTHERS = ("target", "source", "also", "picture", "matrix")


def sticker(told: dict[str, Any]) -> None:
    """Make, try, print and tell of a sticker, as the options of `unfooled sticker` say."""
    from unfooled.auditing.stickers.vanish import LEARNED, vanish  # noqa: PLC0415  heavy
    from unfooled.crafting.adversarial_patch import PRINTABLE  # noqa: PLC0415
    from unfooled.modalities.printing import page_for  # noqa: PLC0415

    from .sticker import read_form, read_scene, refuse_taken, with_threads  # noqa: PLC0415  which imports this module

    _check(told)
    out, progress = told["out"], on_stderr(told["quiet"])
    refuse_taken(out)
    with_threads(told["threads"])
    outline = read_form(told["form"])
    page_for(told["cm"], outline.aspect)
    steps, colours = told["steps"] or LEARNED.steps, PRINTABLE if told["printable"] else ()
    study = vanish(
        told["model"], told["learn"], told["judge"], told["area"], outline=outline,
        scene=read_scene(told["place"] or _MIDDLE, told["allowed"], told["rotation"], told["tilt"]),
        patch=replace(LEARNED, steps=steps, smoothing=told["smoothing"], palette=colours),
        placements=told["placements"], seed=told["seed"], told=lambda line: progress.print(line, style="dim"),
    )  # fmt: skip
    study = write(study, out, told["cm"], shlex.join(["unfooled", *sys.argv[1:]]))
    if told["json"]:
        print_json(study.found.as_json())
        return
    tell(study, out, quiet=told["quiet"])


def _check(told: dict[str, Any]) -> None:
    if told["goal"] != "vanish":
        raise InputError("A sticker has no such goal", repr(told["goal"]), "Say --goal vanish, or --target CLASS.")
    taken = [f"--{name}" for name in _OTHERS if told[name]]
    if taken:
        raise InputError("What vanishes becomes no class and is learned on its own detector", *_left_out(taken))


def _left_out(taken: list[str]) -> tuple[str, str]:
    return ", ".join(taken), f"Leave out {' and '.join(taken)}, or --goal vanish."


def write(study: VanishStudy, out: Path, cm: float, command: str) -> VanishStudy:
    """Write the sticker, its print, what trials found, pictures and the report; returns it with the command noted."""
    from unfooled.crafting.keeping import keep  # noqa: PLC0415  heavy
    from unfooled.crafting.printing import save_print  # noqa: PLC0415
    from unfooled.modalities.pictures import png_bytes  # noqa: PLC0415
    from unfooled.report.vanishing import drawn, write_vanishing_report  # noqa: PLC0415

    found = replace(study.found, about={**study.found.about, "command": command})
    out.mkdir(parents=True, exist_ok=True)
    keep(study.sticker, out / "sticker")
    save_print(study.sticker, out / "sticker.pdf", cm=cm, title=f"{found.about['thing']}, for {found.about['victim']}")
    shown = out / "pictures"
    shown.mkdir(exist_ok=True)
    for place, sight in enumerate(found.sights):
        name = f"{place // 2:02}-{Path(sight.name).stem}-{'with' if place % 2 else 'without'}"
        (shown / f"{name}.png").write_bytes(png_bytes(sight.picture))
        (shown / f"{name}-boxes.png").write_bytes(png_bytes(drawn(sight)))
    (out / "trials.json").write_text(json_module.dumps(found.as_json(), indent=2), encoding="utf-8")
    write_vanishing_report(found, out / "report.html", prints="sticker.pdf")
    return replace(study, found=found)


def tell(study: VanishStudy, out: Path, *, quiet: bool) -> None:
    """Print what a sticker does."""
    console, about = on_stdout(quiet), study.found.about
    table = columns(what="left", area="right", still_reported="right")
    for one in study.found.recalls:
        low, high = one.rate.interval
        share = f"{one.rate.share:.0%} ({low:.0%}-{high:.0%})"
        table.add_row(one.what, f"{one.area:.0%}" if one.area else "", share)
    seconds, tried = about["cost"]["cpu_seconds"], about["tried_on"]
    console.print(
        f"A sticker that makes a {about['thing']} vanish for {about['victim']}, learned in {seconds:.0f} CPU seconds, "
        f"tried on {tried['objects']} in {tried['photographs']} photographs\n"
    )
    console.print(table)
    console.print(f"\nreport   {out / 'report.html'}\nprint    {out / 'sticker.pdf'}", soft_wrap=True)
