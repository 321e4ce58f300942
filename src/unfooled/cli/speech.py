"""`unfooled speech`."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unfooled.core.errors import InputError, ModelError

from . import options as o
from .auditing import refuse_taken
from .sticker import with_threads
from .terminal import columns, on_stderr, on_stdout, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from unfooled.auditing.examples import Examples
    from unfooled.auditing.verify import Checked
    from unfooled.core.results import Results
    from unfooled.core.writing import Writer

    from .settings import Settings

LOUD, MASKED = "carlini-wagner-audio", "imperceptible"
"""The attacks of a budget of loudness, and of what the recording masks."""

Clip = Annotated[
    str,
    typer.Argument(help="A recording, a folder of them, a CSV of file and text, or zoo:recording.", show_default=False),
]
Model = Annotated[str, typer.Option(help="package.module:factory, file.py:factory or zoo:tones.", show_default=False)]
Say = Annotated[list[str] | None, typer.Option(help="What is to be heard; several times.", show_default=False)]
Goal = Annotated[
    list[str] | None, typer.Option(help="mute, without:stop, misheard or misheard:0.5 in place of a phrase.")
]
Within = Annotated[
    str, typer.Option(help="snr:30, db:-31, inaudible:0, linf:0.01, l2:1; snr or db alone for the quietest that works.")
]
Steps = Annotated[int, typer.Option(help="Gradient steps for each recording.")]
Batch = Annotated[int, typer.Option(help="Recordings of one length that share a pass.", rich_help_panel=o.RUN)]
Defence = Annotated[
    str | None,
    typer.Option(help="mp3, opus, down-up, quantised, ...: attack without it and through it; see `unfooled defences`."),
]
Seed = Annotated[int, typer.Option(help="Of all randomness.", rich_help_panel=o.RUN)]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps.", rich_help_panel=o.RUN)]


def speech(
    clip: Clip, *, model: Model, say: Say = None, goal: Goal = None, within: Within = "snr", steps: Steps = 500,
    defence: Defence = None, batch: Batch = 1, seed: Seed = 0, device: Device = "cpu", threads: o.Threads = None,
    out: o.Out = None, overwrite: o.Overwrite = None, json: o.Json = False, quiet: o.Quiet = False,
) -> None:  # fmt: skip
    """Change recordings so that a model hears a phrase of your choice; write WAV files, check them, report."""
    from .settings import Settings  # noqa: PLC0415  heavy

    with_threads(threads)
    threats = [f"{one} {within}" for one in (*map(_transcribed, say or ()), *(goal or ()))]
    if not threats:
        do = 'Say --say "open the front door", or --goal mute.'
        raise InputError("What is the model to hear?", "neither --say nor --goal", do)
    place = out or Path(f"runs/{datetime.now():%Y-%m-%d_%H%M%S}")
    refuse_taken(place, free=bool(overwrite))
    settings = Settings(
        model=model, data=clip, threat=tuple(threats), defence=defence, batch=batch, seed=seed, device=device
    )
    results, checked = _attacked(settings, steps, place, on_stderr(quiet))
    if json:
        found = {"run": str(place), "report": str(place / "report.html"), "recordings": _lines(results, checked)}
        print_json(found | ({"defence": results.run["defence"]} if defence else {}))
        return
    _tell(on_stdout(quiet), results, checked, place)


def _transcribed(phrase: str) -> str:
    """Write a phrase as a goal."""
    from unfooled.goals import Transcribe  # noqa: PLC0415  heavy

    return Transcribe(phrase).name


def _attacked(settings: Settings, steps: int, place: Path, console: Console) -> tuple[Results, list[Checked]]:
    """Run the audit, write its folder, its files and its report, and check the files as they lie on disk."""
    import shutil  # noqa: PLC0415

    from unfooled.attacks import attack_named  # noqa: PLC0415  heavy
    from unfooled.auditing.export import export  # noqa: PLC0415
    from unfooled.auditing.journal import clear  # noqa: PLC0415
    from unfooled.auditing.stages import Stage  # noqa: PLC0415
    from unfooled.auditing.verify import verify  # noqa: PLC0415
    from unfooled.core.folder import save  # noqa: PLC0415
    from unfooled.hardening.washing import attacked  # noqa: PLC0415
    from unfooled.report import write_report  # noqa: PLC0415

    from .progress import Bars  # noqa: PLC0415
    from .subject import source_note  # noqa: PLC0415

    bare, recordings = _subject(settings)
    clear(place)
    shutil.rmtree(place / "files", ignore_errors=True)
    name = MASKED if settings.threats[0].split()[1].startswith("inaudible") else LOUD
    progress = Bars.on(console)
    note = {"command": _command(settings, steps), "source": source_note(settings)}
    told = {name: getattr(settings, name) for name in ("batch", "seed", "device")}
    attack = Stage(name, attack_named(name, steps=steps))
    with progress.bars:
        hearer, results = attacked(
            bare, settings.defence, recordings, settings.threats, attack, progress=progress, note=note, **told
        )
    save(results, place)
    write_report(results, place / "report.html")
    export(results, place / "files")
    return results, verify(results, hearer, device=settings.device, files=place / "files")


def _subject(settings: Settings) -> tuple[Writer, Examples]:
    """Load a model that writes, without its defence, and recordings of which nothing is known but what it hears."""
    from dataclasses import replace  # noqa: PLC0415

    import torch  # noqa: PLC0415  heavy

    from unfooled.auditing.examples import read_examples  # noqa: PLC0415
    from unfooled.auditing.hearing import ears_of  # noqa: PLC0415
    from unfooled.core.transcripts import UNHEARD  # noqa: PLC0415
    from unfooled.core.writing import Writer  # noqa: PLC0415

    from .subject import the_data, the_model  # noqa: PLC0415

    hearer = the_model(settings.model_copy(update={"defence": None}))
    if not isinstance(hearer, Writer):
        raise ModelError(
            "Only a model that writes what it hears can be made to hear a phrase", settings.model,
            "Give zoo:whisper, zoo:hama, zoo:tones or a factory of unfooled.speech_model(...); classifiers of sounds "
            "are audited with `unfooled audit`.",
        )  # fmt: skip
    recordings = read_examples(the_data(settings.data), classes=None, ears=ears_of(hearer))
    note = "what the model hears in each recording counts as what is said: clean accuracy is complete by that alone"
    return hearer, replace(recordings, y=torch.full_like(recordings.y, UNHEARD), notes=(*recordings.notes, note))


def _command(settings: Settings, steps: int) -> str:
    """Write the command line that does the same."""
    goals = [word for threat in settings.threats for word in _told(threat.split()[0])]
    defence = ["--defence", settings.defence] if settings.defence else []
    words = {"within": settings.threats[0].split()[1], "steps": steps} | {
        name: getattr(settings, name) for name in ("batch", "seed", "device")
    }
    options = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    return shlex.join(["unfooled", "speech", settings.data, "--model", settings.model, *goals, *defence, *options])


def _lines(results: Results, checked: list[Checked]) -> list[dict[str, Any]]:
    """Say of each recording and goal what was heard before and after, and how much was changed."""
    from unfooled.core.results import values_of  # noqa: PLC0415  heavy
    from unfooled.modalities.carriers import carrier_named  # noqa: PLC0415
    from unfooled.modalities.sounds import change_of  # noqa: PLC0415
    from unfooled.modalities.wav import RATE  # noqa: PLC0415

    texts = results.run["transcripts"]
    entries = {entry["name"]: entry for entry in results.run["threats"]}
    confirmed = {(one.threat, one.name) for one in checked if one.confirmed}
    lines = []
    for row in results.records.to_pylist():
        name = str(row["name"]) or f"example {row['example']}"
        line = {
            "recording": name,
            "goal": entries[row["threat"]]["goal"],
            "before": texts.get(str(row["clean_label"]), ""),
            "after": texts.get(str(row["adv_label"]), ""),
            "reached": row["broken"] and (row["threat"], name) in confirmed,
        }
        if row["broken"]:
            clean, other = results.tensors[f"x/{row['key']}"], results.tensors[f"x_adv/{row['threat']}/{row['key']}"]
            rate = getattr(carrier_named(entries[row["threat"]]["carrier"]), "rate", RATE)
            line |= change_of(values_of(clean), values_of(other), rate)._asdict()
            line["characters_a_second"] = len(line["after"]) * rate / len(clean)
        lines.append(line)
    return lines


def _told(goal: str) -> tuple[str, str]:
    """Write a goal as an option: `--say` and the phrase, or `--goal`."""
    kind, _, phrase = goal.partition(":")
    return ("--say", phrase.replace("_", " ")) if kind == "transcribe" else ("--goal", goal)


def _tell_defence(console: Console, results: Results) -> None:
    from unfooled.report.washed import defended  # noqa: PLC0415  heavy

    found = defended(results.run)
    if found is None:
        return
    table = columns(
        recording="left",
        clean_bare="left",
        clean_behind="left",
        crafted_bare="left",
        same_file_behind="left",
        crafted_through="left",
    )
    for line in found.lines:
        texts = (one.text if one else "not reached" for one in (line.plain, line.carried, line.knowing))
        table.add_row(line.recording, line.before, line.behind, *texts)
    console.print(table)
    for sentence in found.sentences:
        console.print(sentence, soft_wrap=True)


def _tell(console: Console, results: Results, checked: list[Checked], place: Path) -> None:
    table = columns(recording="left", heard_before="left", heard_after="left", snr="right", peak="right", same="right")
    lines = _lines(results, checked)
    for line in lines:
        figures = (
            (f"{line['snr']:.1f} dB", f"{line['peak_db']:.1f} dB", f"{line['pearson']:.3%}")
            if line["reached"]
            else ("not reached", "", "")
        )
        table.add_row(line["recording"], line["before"], line["after"], *figures)
    console.print(table)
    _tell_defence(console, results)
    reached = sum(line["reached"] for line in lines)
    console.print(f"\n{reached} of {len(lines)} reached, in WAV files of 16 bits that were read back")
    for note in results.run["data"]["notes"]:
        console.print(f"Note: {note}.", style="dim")
    quoted = shlex.quote(str(place))
    console.print(f"report   {place / 'report.html'}\nfiles    {place / 'files'}", soft_wrap=True)
    console.print(f"check    unfooled verify {quoted} --files {shlex.quote(str(place / 'files'))}", soft_wrap=True)
