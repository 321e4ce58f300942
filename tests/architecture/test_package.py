"""The wheel holds what an installed package needs beside its code."""

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
