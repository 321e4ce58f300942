"""A new attack is one file and one line: the contract tests find it in the table."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = '    "multi-targeted": MultiTargeted(),\n'
IMPORT = "from .multi_targeted import MultiTargeted\n"


def contract_tests(tree: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "tests/contract/test_attacks.py", "-k", name, *options]
    setting = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=tree, env=setting, capture_output=True, text=True, check=False)


def collected(tree: Path, name: str) -> int:
    listed = contract_tests(tree, name, "--collect-only").stdout
    return len(re.findall(rf"::\w+\[{name}[-\]]|::\w+\[.*-{name}\]", listed))


def test_one_file_and_one_line_bring_all_contract_tests(tmp_path: Path) -> None:
    for folder in ("src", "tests", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    attacks = tmp_path / "src/unfooled/attacks"
    shutil.copy(ROOT / "examples/multi_targeted.py", attacks)
    table = (attacks / "__init__.py").read_text()
    table = table.replace("from .pgd import PGD\n", IMPORT + "from .pgd import PGD\n")
    table = table.replace('    "pgd": PGD(),\n', LINE + '    "pgd": PGD(),\n')
    assert LINE in table
    assert IMPORT in table
    (attacks / "__init__.py").write_text(table)

    picked_up = collected(tmp_path, "multi-targeted")
    assert picked_up == collected(tmp_path, "apgd-t") > 20
    ran = contract_tests(tmp_path, "multi-targeted")
    assert ran.returncode == 0, ran.stdout[-3000:]
    print(f"contract tests on it: {picked_up}")  # bench/audit/new_attack.py reads this


def test_the_guide_shows_the_very_file() -> None:
    assert (ROOT / "examples/multi_targeted.py").read_text() in (ROOT / "CONTRIBUTING.md").read_text()
