"""The examples run as they stand and stay short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    setting = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", example], cwd=tmp_path, env=setting, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert len(example.read_text().splitlines()) <= 60
    assert not list(tmp_path.iterdir())  # what an example writes, it names
