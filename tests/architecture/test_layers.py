"""Imports go down the layers only. The contracts stand in pyproject.toml; here they are run and proved to bite."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FAULTS = {
    "core reaches up": ("layers", "core/planted.py", "from unfooled.sets import planted"),
    "a search knows a set": ("layers", "search/planted.py", "from unfooled.sets import planted"),
    "a set knows a search": ("layers", "sets/planted.py", "from unfooled.search import planted"),
    "a goal knows a set": ("layers", "goals/planted.py", "from unfooled.sets import planted"),
    "an attack knows a defence": ("layers", "attacks/planted.py", "from unfooled.defences import planted"),
    "an attack knows the engine": ("layers", "attacks/planted.py", "from unfooled.auditing import planted"),
    "an attack knows an adapter": ("layers", "attacks/planted.py", "from unfooled.models import planted"),
    "the engine knows the report": ("layers", "auditing/planted.py", "from unfooled.report import planted"),
    "a defence knows an attack": ("layers", "defences/planted.py", "from unfooled.attacks import planted"),
    "the engine knows who hardens": ("layers", "auditing/planted.py", "from unfooled.hardening import planted"),
    "a detour through the face": ("face", "core/planted.py", "from unfooled import __version__"),
    "a folder without a place": ("layers", "elsewhere/planted.py", ""),
    "the report knows the engine": ("readers", "report/planted.py", "from unfooled.auditing import planted"),
    "a check knows an attack": ("readers", "diagnose/planted.py", "from unfooled.attacks import planted"),
    "the report needs torch": ("torch-free", "report/planted.py", "import torch"),
    "results need torch by a detour": ("torch-free", "core/errors.py", "from unfooled.core import batch"),
    "a modality needs torch": ("torch-free", "modalities/planted.py", "from torch import Tensor"),
    "an adapter knows a set": ("side", "models/planted.py", "from unfooled.sets import planted"),
    "the zoo knows an attack": ("side", "zoo/planted.py", "from unfooled.attacks import planted"),
    "a set knows a modality": ("modality-free", "sets/planted.py", "from unfooled.modalities import planted"),
}


def lint(root: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    options = ["--no-logo", "--no-cache", *(f"--contract={contract}" for contract in contracts)]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    return subprocess.run([*command, *options], cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_imports_go_down_the_layers() -> None:
    linted = lint(ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("fault", FAULTS)
def test_contracts_bite(fault: str, tmp_path: Path) -> None:
    contract, place, line = FAULTS[fault]
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "src" / "unfooled"
    imported = re.fullmatch(r"from unfooled\.(\w+) import planted", line)
    if imported:
        plant(package / imported[1] / "planted.py")
    plant(package / place, line)
    linted = lint(tmp_path, contract)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert "BROKEN" in linted.stdout, linted.stdout + linted.stderr


def plant(path: Path, line: str = "") -> None:
    """Add a line to a module, and make the module and its package if there is none yet."""
    path.parent.mkdir(exist_ok=True)
    for file in (path.parent / "__init__.py", path):
        file.touch()
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
