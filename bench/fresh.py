"""What an import adds to that of torch, in fresh processes."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 5


def added(code: str) -> float:
    """Give the seconds that Python code takes once torch is imported: the least of five processes."""
    timed = f"import time, torch; began = time.perf_counter(); {code}; print(time.perf_counter() - began)"
    runs = [subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
            for _ in range(ROUNDS)]  # fmt: skip
    return min(float(run.stdout) for run in runs)
