"""A second look: every stored adversarial example, re-checked against the model from what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, RunError
from unfooled.core.identity import difference
from unfooled.core.joining import runs
from unfooled.core.region import Region
from unfooled.core.results import Results
from unfooled.core.target import Access, Model
from unfooled.core.threat import Ball, ThreatModel
from unfooled.core.transcripts import learn, text_of
from unfooled.goals import parse_goal
from unfooled.modalities.carriers import Float32, carrier_named, holder_of
from unfooled.modalities.pictures import read_picture
from unfooled.modalities.utf8 import Utf8
from unfooled.modalities.wav import Wav16, read_samples
from unfooled.models.classifier import wrap
from unfooled.sets.grammar import parse_sets

from .export import Files, read_manifest
from .keys import digest
from .referee import judge

Row = Mapping[str, Any]
Pair = tuple[np.ndarray, np.ndarray]
"""A clean example and its adversarial one, as their carriers store them."""


@dataclass(frozen=True)
class Checked:
    """What became of one stored example.

    Attributes:
        threat: Name of the threat.
        name: File name or number of the example.
        confirmed: Whether it is inside the set and fools the model again, asked alone.
        label: What the model answers now; -1 where there was nothing to ask.
        distance: Size of the change, measured again; NaN where there was nothing to measure.
        why: What was found where it is not confirmed; empty where it is.
    """

    threat: str
    name: str
    confirmed: bool
    label: int
    distance: float
    why: str = ""


def verify(
    results: Results, model: object, *, device: str | torch.device = "cpu", files: str | Path | None = None
) -> list[Checked]:
    """Check every stored adversarial example again, one at a time.

    The run's batches are left behind on purpose: an example that fools the model only among its neighbours is not
    confirmed.

    Args:
        results: The run.
        model: The same model as in the audit.
        device: Where it runs.
        files: A folder by `export`, to check its files in place of what the run stored.

    Raises:
        RunError: The run is of other weights, or it kept no examples although some were broken.
        InputError: `files` holds no manifest.
    """
    adapter = wrap(model)
    other = difference(results.run["model"], adapter.describe())
    if other:
        raise RunError("This run is of another model", other, "Load that one.")
    _check_kept(results)
    learn(results.run.get("transcripts", {}))
    pair_of = partial(_stored, results)
    if files is not None:
        pair_of = partial(_from_files, results, read_manifest(files))
    threats = {entry["name"]: threat_from(entry) for run in runs(results.run) for entry in run["threats"]}
    rows = [row for row in results.records.to_pylist() if row["broken"]]
    return [_checked(adapter, threats[row["threat"]], row, pair_of, device) for row in rows]


def threat_from(entry: Mapping[str, Any]) -> ThreatModel:
    """Build a threat again from its description in a run.

    Raises:
        RunError: The description is damaged.
    """
    try:
        region = entry["region"]
        written = str(entry["within"]) if region is None else f"{entry['within']}@region"
        low, high = entry["domain"] or (0.0, 1.0)
        carrier = carrier_named(str(entry["carrier"]))
        rate = carrier.rate if isinstance(carrier, Wav16) else None
        (within,) = parse_sets(written, low, high, lambda _: Region.from_text(str(region)), rate)
        if entry["domain"] is None and isinstance(within, Ball):  # edits and motions have none
            raise InputError("A ball lies in a range of values", "none", "Give its lowest and its highest value.")
        return ThreatModel(
            parse_goal(str(entry["goal"])),
            within,
            Access[str(entry["access"]).upper()],
            None,
            carrier,
            int(entry["trials"]),
            float(entry["quorum"]),
        )
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            "A threat of this run cannot be read", f"{entry.get('name')}: {error}", "Run the audit again."
        ) from error


def _check_kept(results: Results) -> None:
    for threat in results.threats:
        rows = results[threat]
        if rows.broken.any() and not any(True for _ in rows.adversarial()):
            raise RunError("This run kept no examples", "keep=none", "Audit with keep='broken'.")


def _stored(results: Results, row: Row) -> Pair:
    """Find a pair in the run.

    Raises:
        InputError: One of them is not there, or the clean one is another than was audited.
    """
    names = f"x/{row['key']}", f"x_adv/{row['threat']}/{row['key']}"
    missing = [name for name in names if name not in results.tensors]
    if missing:
        raise InputError("the run does not hold it", ", ".join(missing), "Run the audit again.")
    clean, adversarial = (results.tensors[name] for name in names)
    if digest(clean, row["y"]) != row["key"].partition("-")[0]:
        raise InputError("the clean example is not the one that was audited", names[0], "Run the audit again.")
    return clean, adversarial


def _from_files(results: Results, manifest: Mapping[tuple[str, int], Files], row: Row) -> Pair:
    """Read a pair of exported files.

    Raises:
        InputError: One of them is missing or damaged, or the clean one is not the one that was audited.
    """
    files = manifest.get((row["threat"], row["example"]))
    if files is None:
        raise InputError("the manifest does not list it", "no such line", "Export the run again.")
    clean, adversarial = (_READERS.get(path.suffix, read_picture)(path) for path in files)
    if not np.array_equal(clean, _stored(results, row)[0]):
        raise InputError("the clean file is not the example that was audited", files.clean.name, "Export it again.")
    return clean, adversarial


_READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".npy": Float32().read,
    ".txt": Utf8().read,
    ".wav": read_samples,
}


def _checked(
    model: Model, threat: ThreatModel, row: Row, pair_of: Callable[[Row], Pair], device: str | torch.device
) -> Checked:
    name = str(row["name"]) or f"example {row['example']}"
    try:
        x, x_adv = pair_of(row)
        if x.shape != x_adv.shape and x.ndim > 1:
            raise InputError("its shape has changed", f"{x_adv.shape} for {x.shape}", "Run the audit again.")
    except InputError as error:
        return Checked(row["threat"], name, False, -1, nan, f"{error.wrong} ({error.found})")
    y = torch.tensor([int(row["y"])], device=device)
    verdict = judge(model, threat, _batch(x_adv, device), _batch(x, device), y)
    label, distance, confirmed = int(verdict.label[0]), float(verdict.distance[0]), bool(verdict.broken[0])
    why = "" if confirmed else f"the model answers {label if text_of(label) is None else repr(text_of(label))}"
    if not bool(verdict.contained[0]):
        why = f"it lies outside {threat.within}: {distance:.6g}"
    return Checked(row["threat"], name, confirmed, label, distance, why)


def _batch(stored: np.ndarray, device: str | torch.device) -> Batch:
    unpacked = holder_of(stored).unpack(stored)
    values = torch.from_numpy(unpacked).unsqueeze(0).to(device)
    lengths = torch.tensor([values.shape[-1]], device=device) if values.ndim == 2 else None
    return Batch(values, torch.zeros(1, dtype=torch.int64, device=device), lengths)
