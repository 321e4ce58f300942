"""The journal of a run under way: one small file a finished unit of work, so that a killed audit can go on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from unfooled.core.errors import RunError
from unfooled.core.folder import PLAN, RECORDS_FILE, RUN, STAGES_FILE, TENSORS_FILE, write_atomically

_UNITS = "units"

_FORM = 2
"""What units look like; those of another form are not found, and done again."""

Unit = dict[str, np.ndarray]
"""What one unit of work found: named columns, (n,) or (n, ...) each."""


class Journal:
    """Remembers finished units of a run; without a folder it remembers nothing.

    Args:
        folder: The run folder, or None.
        plan: All settings that decide the result, as plain JSON values.
        resume: Whether to go on with what the folder holds.

    Raises:
        RunError: The folder holds a run already, or one with other settings.
    """

    def __init__(self, folder: Path | None, plan: dict[str, Any], *, resume: bool) -> None:
        self._folder = folder
        self._salt = hashlib.sha256(json.dumps([_FORM, plan], sort_keys=True).encode()).hexdigest()
        if folder is None:
            return
        held, finished = _held_plan(folder), (folder / RUN).is_file()
        if finished and held is None:
            raise RunError("This folder holds a run that was merged or judged", folder, "Name another folder.")
        if held is not None and not resume:
            raise RunError(
                "This folder holds a run already", folder, "Name another folder, or go on with it by resume."
            )
        if held is not None:
            changed = sorted(key for key in {*held, *plan} if held.get(key) != plan.get(key))
            if changed:
                raise RunError(
                    "The run to resume had other settings", ", ".join(changed), "Repeat them, or name another folder."
                )
        (folder / _UNITS).mkdir(parents=True, exist_ok=True)
        write_atomically(folder / PLAN, json.dumps(plan, indent=2, sort_keys=True))

    def recall(self, name: str, work: Callable[[], Unit]) -> Unit:
        """Give a unit's result from the journal, or do the work and write it down."""
        if self._folder is None:
            return work()
        digest = hashlib.sha256(f"{self._salt}\x1f{name}".encode()).hexdigest()[:32]
        path = self._folder / _UNITS / f"{digest}.safetensors"
        if path.is_file():
            try:
                return load_file(path)
            except (SafetensorError, OSError, ValueError):
                path.unlink()  # a disk that filled up: the unit is simply done again
        unit = {key: np.ascontiguousarray(value) for key, value in work().items()}
        part = path.with_suffix(".part")
        save_file(unit, part)
        part.replace(path)
        return unit

    def close(self) -> None:
        """Throw the units away: the run is saved as a whole."""
        if self._folder is not None:
            shutil.rmtree(self._folder / _UNITS, ignore_errors=True)


def clear(folder: Path) -> None:
    """Remove an earlier run from a folder; nothing else in it is touched.

    Raises:
        RunError: The folder holds something, but no run.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    if _held_plan(folder) is None and not (folder / RUN).is_file():
        raise RunError("This folder holds no run of unfooled", folder, "Name an empty folder.")
    for name in (PLAN, RUN, RECORDS_FILE, STAGES_FILE, TENSORS_FILE, "report.html"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / _UNITS, ignore_errors=True)


def _held_plan(folder: Path) -> dict[str, Any] | None:
    path = folder / PLAN
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RunError("The plan of this run cannot be read", f"{path}: {error}", "Name another folder.") from error
    if not isinstance(held, dict):
        raise RunError("The plan of this run cannot be read", path, "Name another folder.")
    return held
