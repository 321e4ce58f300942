"""Adversarial examples as real files, with a table that says what each is and how to check it without unfooled."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unfooled.core.errors import InputError, RunError
from unfooled.core.folder import StoredTensors, write_atomically
from unfooled.core.joining import runs
from unfooled.core.results import Results
from unfooled.modalities.carriers import carrier_named, holder_of
from unfooled.modalities.wav import RATE, Wav16

MANIFEST, README = "manifest.csv", "README.txt"
COLUMNS = (
    "threat", "example", "name", "y", "clean_label", "adv_label", "distance",
    "clean_file", "adv_file", "clean_sha256", "adv_sha256",
)  # fmt: skip

TEXTS = ("clean_text", "adv_text")
"""Columns that models which write add: what each file is heard as."""

NOTE = """\
Adversarial examples, written by unfooled. One line of manifest.csv is one example: the clean file, the file that
fools the model, its label y, what the model answered to each, and the size of the change in the unit of its threat.

To check them without unfooled, with Python, numpy and Pillow:

    import csv, hashlib, wave, numpy as np
    from PIL import Image

    def read(name):
        if name.endswith(".wav"):
            file = wave.open(name)
            return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        return np.load(name) if name.endswith(".npy") else np.asarray(Image.open(name)) / 255  # / 65535 for 16 bits

    for line in csv.DictReader(open("manifest.csv", encoding="utf-8")):
        assert hashlib.sha256(open(line["adv_file"], "rb").read()).hexdigest() == line["adv_sha256"]
        change = (read(line["adv_file"]) - read(line["clean_file"])).astype(float)
        print(line["threat"], line["adv_file"], "linf", abs(change).max(), "l2", (change**2).sum() ** 0.5)

Of recordings (.wav) the manifest says what each is heard as.
Texts (.txt) are read by open(name, encoding="utf-8", newline="").read(); their changes are counted in edits.
Then show both files to your model, as it is deployed. Or, with unfooled: unfooled verify RUN --files THIS_FOLDER
"""


class Files(NamedTuple):
    """Where one exported example lies."""

    clean: Path
    adversarial: Path


def export(results: Results, folder: str | Path) -> int:
    """Write every adversarial example that was kept as real files, a folder a threat; returns how many there are.

    Args:
        results: A run that kept its broken examples.
        folder: Where to write them; new or empty.

    Raises:
        RunError: The run kept none, its file of examples is not as it was written, or the folder holds something.
    """
    if isinstance(results.tensors, StoredTensors):
        results.tensors.check()
    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise RunError("The files need a folder of their own", f"{place}, which is not empty", "Name a new folder.")
    pairs = list(_pairs(results))
    if not pairs and any(results[threat].broken.any() for threat in results.threats):
        raise RunError("This run kept no examples", f"keep={results.run.get('keep')}", "Audit with keep='broken'.")
    place.mkdir(parents=True, exist_ok=True)
    lines = [_written(place, results, row, names) for row, names in pairs]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS + (TEXTS if "transcripts" in results.run else ()))
    writer.writeheader()
    writer.writerows(lines)
    write_atomically(place / README, NOTE)
    write_atomically(place / MANIFEST, table.getvalue())
    return len(lines)


def read_manifest(folder: str | Path) -> dict[tuple[str, int], Files]:
    """Find the files of each exported example, by threat and by number.

    Raises:
        InputError: There is no manifest, or it is damaged.
    """
    place = Path(folder) / MANIFEST
    try:
        with place.open(encoding="utf-8", newline="") as file:
            return {
                (line["threat"], int(line["example"])): Files(
                    place.parent / line["clean_file"], place.parent / line["adv_file"]
                )
                for line in csv.DictReader(file)
            }
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            "The list of exported files cannot be read",
            f"{place}: {reason}",
            "Name a folder that `unfooled export` wrote, or export the run again.",
        ) from error


def _pairs(results: Results) -> Iterator[tuple[dict[str, Any], str]]:
    """Give the row of each kept example, and the beginning of its files' names."""
    digits = max(3, len(str(len(results.records))))
    taken: dict[str, str] = {}
    for threat in results.threats:
        rows = results[threat]
        safe = re.sub(r"[^A-Za-z0-9.,=-]+", "_", threat)[:80]
        taken[threat] = f"{safe}-{len(taken)}" if safe in taken.values() else safe
        table = rows.table.to_pylist()
        for place, _ in rows.adversarial():
            row = table[place]
            if row["broken"]:
                label = "" if "transcripts" in results.run else f"_y{row['y']}"
                yield row, f"{taken[threat]}/{row['example']:0{digits}d}{label}"


def _written(folder: Path, results: Results, row: dict[str, Any], names: str) -> dict[str, Any]:
    """Write one pair of files; gives its line of the manifest."""
    stored = {
        "clean": results.tensors[f"x/{row['key']}"],
        "adv": results.tensors[f"x_adv/{row['threat']}/{row['key']}"],
    }
    texts = results.run.get("transcripts", {})
    line = {column: row[column] for column in COLUMNS if column in row}
    line |= {f"{kind}_text": texts[str(row[f"{kind}_label"])] for kind in ("clean", "adv")} if texts else {}
    for kind, array in stored.items():
        path = folder / f"{names}_{kind}"
        path.parent.mkdir(exist_ok=True)
        written = (Wav16(_rate(results, row)) if array.dtype == np.int16 else holder_of(array)).write(path, array)
        line[f"{kind}_file"] = written.relative_to(folder).as_posix()
        line[f"{kind}_sha256"] = hashlib.sha256(written.read_bytes()).hexdigest()
    return line


def _rate(results: Results, row: dict[str, Any]) -> int:
    """Find the sample rate of a recording: its threat's carrier tells it."""
    entries = (entry for run in runs(results.run) for entry in run["threats"] if entry["name"] == row["threat"])
    carriers = (carrier_named(entry["carrier"]) for entry in entries)
    return next((carrier.rate for carrier in carriers if isinstance(carrier, Wav16)), RATE)
