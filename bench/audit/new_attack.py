"""A new attack: one short file, one line in the table, and the contract tests pick it up."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    lines = len((ROOT / "examples/multi_targeted.py").read_text().splitlines())
    test = "tests/end_to_end/test_new_attack.py"
    command = [sys.executable, "-m", "pytest", "-s", test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    picked = re.search(r"contract tests on it: (\d+)", done.stdout)
    count = int(picked[1]) if picked else 0
    print(json.dumps({
        "line": "A new attack: lines of its file, lines in the table, contract tests that picked it up and passed",
        "figure": f"{lines}, 1, {count}",
        "goal": "<= 80, 1, as many as PGD has",
        "met": lines <= 80 and done.returncode == 0 and count > 0,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
