"""The options of all commands, each written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

MODEL, ATTACKER, RUN, OUTPUT = "Model and data", "Attacker", "Run", "Output"


class Sight(StrEnum):
    """What the attacker sees."""

    GRADIENT = "gradient"
    SCORES = "scores"
    DECISION = "decision"


class Keep(StrEnum):
    """Which examples a run keeps."""

    NONE = "none"
    BROKEN = "broken"
    ALL = "all"


class Preparation(StrEnum):
    """In which form attacks search the model."""

    OFF = "off"
    ON = "on"
    BF16 = "bf16"
    COMPILED = "compiled"


Model = Annotated[
    str | None,
    typer.Argument(
        help="package.module:factory, file.py:factory, hf:NAME, timm:NAME or zoo:efficientnet-lite0; "
        "to be asked only: onnx:PATH.onnx, http:FILE.yaml, exec:COMMAND.",
        show_default=False,
    ),
]
Data = Annotated[
    str | None,
    typer.Argument(
        help="A folder of class folders, a CSV of file and label, an npz, zoo:photos or zoo:signs; texts: a CSV, "
        ".jsonl or .parquet of text and label, or zoo:prompts.",
        show_default=False,
    ),
]
Asked = Annotated[
    str | None,
    typer.Argument(
        help="A model of pictures: package.module:factory, file.py:factory, hf:NAME, timm:NAME or "
        "zoo:efficientnet-lite0; to be asked only: onnx:PATH.onnx, http:FILE.yaml, exec:COMMAND.",
        show_default=False,
    ),
]
Module = Annotated[
    str | None,
    typer.Argument(
        help="A torch module that reads pictures: package.module:factory, file.py:factory, hf:NAME, timm:NAME or "
        "zoo:efficientnet-lite0.",
        show_default=False,
    ),
]
Pictures = Annotated[
    str | None,
    typer.Argument(
        help="A folder of class folders, a CSV of file and label, an npz, zoo:photos or zoo:signs.", show_default=False
    ),
]
Run = Annotated[Path, typer.Argument(help="A run folder.", show_default=False)]

Weights = Annotated[Path | None, typer.Option(help="A .safetensors or .pt file of tensors.", rich_help_panel=MODEL)]
Mean = Annotated[
    str | None, typer.Option(help="Subtracted from pictures in [0, 1]: 0.485,0.456,0.406.", rich_help_panel=MODEL)
]
Std = Annotated[str | None, typer.Option(help="Divided by afterwards: 0.229,0.224,0.225.", rich_help_panel=MODEL)]
Size = Annotated[str | None, typer.Option(help="Resize to: 224 or 224,320 (height, width).", rich_help_panel=MODEL)]
Crop = Annotated[str | None, typer.Option(help="Centre that is kept after resizing.", rich_help_panel=MODEL)]
Classes = Annotated[Path | None, typer.Option(help="A text file, one class name a line.", rich_help_panel=MODEL)]
Defence = Annotated[
    str | None,
    typer.Option(
        help="What stands before the model: mp3, jpeg:quality=50, down-up+quantised:bits=6; see `unfooled defences`.",
        rich_help_panel=MODEL,
    ),
]
Limit = Annotated[int | None, typer.Option(help="Take so many examples, drawn by the seed.", rich_help_panel=MODEL)]
Shard = Annotated[str | None, typer.Option(help="Take one part of the examples: 1/4.", rich_help_panel=MODEL)]

Threat = Annotated[
    list[str] | None,
    typer.Option(
        "--threat",
        "-t",
        help="linf:4/255, l2:3, linf:1/255,2/255, l2 for no limit, 'l2:3 by labels'; of texts chars:3, invisible:5, "
        "homoglyphs:5, words:0.2, surface:3; several times.",
        rich_help_panel=ATTACKER,
    ),
]
Goal = Annotated[
    str | None, typer.Option(help="become:859 and such, where a threat names none.", rich_help_panel=ATTACKER)
]
Access = Annotated[Sight | None, typer.Option(help="What the attacker sees.", rich_help_panel=ATTACKER)]
Knowledge = Annotated[
    bool | None,
    typer.Option("--knowledge", help="Ask too what falls to attackers who see less.", rich_help_panel=ATTACKER),
]
Budget = Annotated[
    str | None,
    typer.Option(
        help="Most answers for one example, 1000, or time for all, 90s, 10min, 2h; both: 1000,10min.",
        rich_help_panel=ATTACKER,
    ),
]
Price = Annotated[
    float | None, typer.Option(help="Money for 1,000 questions, for the attacker's bill.", rich_help_panel=OUTPUT)
]
Rate = Annotated[
    str | None, typer.Option(help="Questions that the model answers: 10/s, 600/min, 5000/h.", rich_help_panel=OUTPUT)
]
Cap = Annotated[
    int | None, typer.Option(help="Say whom a limit of so many questions would have stopped.", rich_help_panel=OUTPUT)
]
Until = Annotated[
    str | None,
    typer.Option(help="Stop once known to +-3% or once 'robust_accuracy>=0.40' is decided.", rich_help_panel=RUN),
]
Suite = Annotated[
    str | None,
    typer.Option(
        help="standard, quick, noise, distances, scores, labels, or attacks: fgsm,pgd. (default: standard)",
        rich_help_panel=ATTACKER,
    ),
]
Surrogate = Annotated[
    list[str] | None,
    typer.Option(help="A model of the attacker's own, as MODEL; several times.", rich_help_panel=ATTACKER),
]

Starts = Annotated[
    Path | None,
    typer.Option(
        help="A folder of the attacker's own pictures, where searches by labels may begin.", rich_help_panel=ATTACKER
    ),
]

Batch = Annotated[int | None, typer.Option(help="Rows of a pass. (default: 16)", rich_help_panel=RUN)]
Seed = Annotated[int | None, typer.Option(help="Of all randomness. (default: 0)", rich_help_panel=RUN)]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps. (default: cpu)", rich_help_panel=RUN)]
Prepare = Annotated[
    Preparation | None, typer.Option(help="Copy of the model that attacks search. (default: on)", rich_help_panel=RUN)
]
Diagnosis = Annotated[
    bool | None,
    typer.Option(
        "--diagnosis/--no-diagnosis", help="Measure whether the figures can be believed. (default: yes)",
        show_default=False, rich_help_panel=RUN,
    ),
]  # fmt: skip
Threads = Annotated[int | None, typer.Option(help="Of the processor.", rich_help_panel=RUN)]
Config = Annotated[Path | None, typer.Option(help="A YAML file of these options by name.", rich_help_panel=RUN)]

Out = Annotated[
    Path | None, typer.Option(help="Run folder to write. (default: runs/ and the time)", rich_help_panel=OUTPUT)
]
KeepWhich = Annotated[
    Keep | None, typer.Option(help="Pictures that the run keeps. (default: broken)", rich_help_panel=OUTPUT)
]
Resume = Annotated[bool | None, typer.Option("--resume", help="Go on with a stopped run.", rich_help_panel=OUTPUT)]
Overwrite = Annotated[bool | None, typer.Option("--overwrite", help="Replace an older run.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors alone.", rich_help_panel=OUTPUT)]
