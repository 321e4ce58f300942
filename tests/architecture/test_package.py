"""The wheel holds what an installed package needs beside its code."""

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_wheel

import unfooled

ROOT = Path(__file__).parents[2]


def test_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wheel = zipfile.ZipFile(tmp_path / build_wheel(str(tmp_path)))
    held = set(wheel.namelist())
    source = ROOT / "src"
    needed = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "unfooled/py.typed" in needed
    assert held >= needed
    assert {name.partition("/")[0] for name in held - needed} == {f"unfooled-{unfooled.__version__}.dist-info"}


def test_extras_are_written_one_way_and_exist() -> None:
    """Quoted, since some shells read brackets as a pattern."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pages = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    found = [one for page in pages for one in re.findall(r"(.)(?:unfooled|\.)\[([a-z]+)\](.)", page.read_text())]
    assert {name for _, name, _ in found} == set(extras)
    assert all((before, after) == ('"', '"') for before, _, after in found)
