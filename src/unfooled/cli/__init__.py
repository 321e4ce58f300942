"""The command line: parse, call, print. torch is imported when a command needs it, so that help comes at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

import typer

from unfooled import __version__

from . import (
    attacks,
    auditing,
    corruptions,
    demo,
    doctor,
    estimating,
    gate,
    hardening,
    runs,
    sign,
    similarity,
    speech,
    sticker,
    transfer,
    universal,
)
from .terminal import command, forgiving_streams

# Read when torch is first imported: its threads sleep while they wait for one another. By default they spin, which can
# take ten times as long where another program holds a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="unfooled",
    help="Find out what fools your model, fix it, prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Look first": (doctor.doctor, estimating.estimate, attacks.attacks),
    "Audit": (
        auditing.audit,
        auditing.judge,
        transfer.transfer,
        universal.universal,
        corruptions.corruptions,
        demo.demo,
    ),
    "Stickers": (sticker.sticker, sticker.check_photo, sign.sign, sign.check_sign),
    "Speech": (speech.speech,),
    "Harden": (hardening.defences, hardening.harden),
    "A finished run": (
        runs.verify,
        gate.gate,
        hardening.compare,
        similarity.similarity,
        runs.report,
        runs.export,
        runs.merge,
    ),
}
for panel, functions in GROUPS.items():
    for function in functions:
        app.command(rich_help_panel=panel)(command(function))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unfooled {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Find out what fools your model, fix it, prove it."""
    forgiving_streams()
