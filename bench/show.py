"""Measure the promises in `bench/NAME/*.py`, print them as a table, keep them in `bench/results/NAME.json`.

Each script runs in a process of its own. Its last lines of output are one JSON object a promise:
`{"line": "what is promised", "figure": "what was measured", "goal": "what it must be", "met": true}`.
A script that fails, hangs or prints no figure counts as a promise missed. Exit status 1 if any is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

BENCH = Path(__file__).parent
KEYS = {"line", "figure", "goal", "met"}
LIMIT = 4 * 3600  # seconds for one script: some train nets for an hour

Promise = dict[str, Any]


def promises(script: Path, limit: float = LIMIT) -> list[Promise]:
    """Run one script and read what it measured."""
    try:
        run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return [missed(script, f"no end after {limit:g} s")]
    found = list(printed(run.stdout))[::-1]
    if run.returncode != 0:
        found.append(missed(script, last_line(run.stderr) or f"exit status {run.returncode}"))
    return found or [missed(script, "no figure printed")]


def printed(output: str) -> Iterator[Promise]:
    """Read promises from the end of the output, last one first."""
    for text in reversed(output.strip().splitlines()):
        try:
            promise = json.loads(text)
        except ValueError:
            return
        if not isinstance(promise, dict) or not promise.keys() >= KEYS:
            return
        yield {**promise, "met": promise["met"] is True}


def missed(script: Path, why: str) -> Promise:
    """Say that a script measured nothing."""
    return {"line": f"{script.name} measures its promise", "figure": why, "goal": "it ends with a figure", "met": False}


def last_line(text: str) -> str:
    """Give the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def machine() -> dict[str, Any]:
    """Name what the figures hang on."""
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
    }


def cpu() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def table(name: str, found: list[Promise]) -> Table:
    """Lay the promises out for a reader."""
    drawn = Table("promise", "figure", "goal", "", title=f"make show NAME={name}", show_lines=True)
    for promise in found:
        verdict = "[green]met[/]" if promise["met"] else "[bold red]missed[/]"
        drawn.add_row(*(escape(str(promise[key])) for key in ("line", "figure", "goal")), verdict)
    return drawn


def show(name: str, bench: Path = BENCH) -> bool:
    """Measure all promises of one name; tell whether all are met."""
    scripts = sorted(path for path in (bench / name).glob("*.py") if not path.name.startswith("_"))
    if not scripts:
        named = sorted(path.name for path in bench.iterdir() if any(path.glob("[!_]*.py")))
        raise SystemExit(f"No scripts in bench/{name}. Choose one of: {', '.join(named) or 'none yet'}.")
    console, found = Console(), []
    for script in scripts:
        start = time.perf_counter()
        found += promises(script)
        console.print(f"{script.stem}: {time.perf_counter() - start:.1f} s", highlight=False)
    results = bench / "results" / f"{name}.json"
    results.parent.mkdir(exist_ok=True)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    kept = {"command": f"make show NAME={name}", "date": date, "machine": machine(), "promises": found}
    results.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(table(name, found))
    met = [promise["met"] for promise in found].count(True)
    console.print(f"{met} of {len(found)} met; written to {results}", highlight=False, soft_wrap=True)
    return met == len(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="a folder of bench/")
    sys.exit(not show(parser.parse_args().name))
