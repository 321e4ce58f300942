"""Results on disk: two Parquet tables, one safetensors file, one JSON. Needs no torch to read."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .errors import RunError, UnfinishedError
from .results import Results
from .schema import RECORDS, SCHEMA_VERSION, STAGES

RUN, RECORDS_FILE, STAGES_FILE, TENSORS_FILE = "run.json", "records.parquet", "stages.parquet", "tensors.safetensors"
_CONTENTS = "tensors_sha256"
PLAN = "plan.json"
"""What a run was begun with. A folder that holds it but no `RUN` holds a run under way, or one that was stopped."""


class StoredTensors(Mapping[str, np.ndarray]):
    """Arrays of a safetensors file, read one at a time, so that a large run opens at once.

    Args:
        path: The file.
        sha256: Of the whole file, as it was written; None where nobody told.
    """

    def __init__(self, path: Path, sha256: str | None = None) -> None:
        self._path, self._sha256 = path, sha256
        self._file: Any = safe_open(path, framework="numpy")
        self._names = dict.fromkeys(self._file.keys())  # type: ignore[no-untyped-call]

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        return np.asarray(self._file.get_tensor(name))

    def check(self) -> None:
        """Read the whole file, and see that it is as it was written.

        Raises:
            RunError: It is not.
        """
        if self._sha256 is not None and _hashed(self._path) != self._sha256:
            raise RunError("The examples of this run are not as they were written", self._path, "Run the audit again.")

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def save(results: Results, folder: str | Path) -> None:
    """Write results into a folder; `run.json` comes last and marks the run as whole."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN).unlink(missing_ok=True)
    arrays = {name: np.ascontiguousarray(array) for name, array in results.tensors.items()}
    written = folder / (TENSORS_FILE + ".part")
    save_file(arrays, written)
    written.replace(folder / TENSORS_FILE)
    pq.write_table(results.records, folder / RECORDS_FILE)
    pq.write_table(results.stages, folder / STAGES_FILE)
    shutil.copymode(folder / RECORDS_FILE, folder / TENSORS_FILE)  # safetensors writes for its owner alone
    run = {**results.run, "schema": SCHEMA_VERSION, _CONTENTS: _hashed(folder / TENSORS_FILE)}
    sealed = {**run, "digests": _digests(folder, json.loads(json.dumps(run, allow_nan=False)))}
    write_atomically(folder / RUN, json.dumps(sealed, indent=2))


def load(folder: str | Path) -> Results:
    """Read the results of a finished run.

    Raises:
        UnfinishedError: The run has not come to its end.
        RunError: The folder is missing, no run folder, damaged, or written by a newer release.
    """
    folder = Path(folder)
    if not (folder / RUN).is_file():
        kind = UnfinishedError if (folder / PLAN).is_file() else RunError
        raise kind(
            "This is not a finished run folder", f"no {RUN} in {folder}", "Name a folder that `unfooled audit` wrote, "
            "or finish it with `unfooled audit ... --resume`."
        )  # fmt: skip
    try:
        run = json.loads((folder / RUN).read_text(encoding="utf-8"))
        version = run["schema"]
        if version != SCHEMA_VERSION:
            raise RunError(
                "This run was written in another format",
                f"schema {version}, this release reads {SCHEMA_VERSION}",
                "Use the release of unfooled that wrote it.",
            )
        tensors = StoredTensors(folder / TENSORS_FILE, run.get(_CONTENTS))
        changed = sorted(dict(run.pop("digests")).items() ^ _digests(folder, run).items())
        if changed:
            raise ValueError(f"{changed[0][0]} is not as it was written")
        run.pop(_CONTENTS, None)
        records = pq.read_table(folder / RECORDS_FILE).cast(RECORDS)
        stages = pq.read_table(folder / STAGES_FILE).cast(STAGES)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException, SafetensorError) as error:
        raise RunError("This run folder is damaged", f"{folder}: {error}", "Run the audit again.") from error
    return Results(records, stages, run, tensors)


def _digests(folder: Path, run: dict[str, Any]) -> dict[str, str]:
    """Hash what a figure hangs on: settings, tables, names and shapes of tensors; `check` hashes their contents."""
    parts = {RUN: json.dumps(run, sort_keys=True).encode()}
    parts |= {name: (folder / name).read_bytes() for name in (RECORDS_FILE, STAGES_FILE)}
    with (folder / TENSORS_FILE).open("rb") as file:
        head = file.read(8)
        parts[TENSORS_FILE] = head + file.read(int.from_bytes(head, "little"))
    return {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that a kill leaves the old file or the new one, never half of one."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
