"""Environments of programs that do not go together with ours: each made on first use, again when its pins change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

BENCH = Path(__file__).parent


def python_with(name: str) -> Path:
    """Give the Python that has what `requirements/NAME.txt` pins, installed as it stands there and nothing besides."""
    pins, home = BENCH.parent / "requirements" / f"{name}.txt", BENCH / f".venv-{name}"
    python, made = home / "bin" / "python", home / f".made-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    if not made.is_file():
        print(f"Installing {name} into {home}: some minutes the first time", file=sys.stderr, flush=True)
        venv.create(home, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", str(pins)], check=True, env=alone())
        made.touch()
    return python


def alone() -> dict[str, str]:
    """Give this process's variables without the path that would bring our packages along."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
