"""What the speech part adds to the time of importing torch, in fresh processes; the least of five."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise

_ADDED = (
    "import time, torch; began = time.perf_counter(); import unfooled; unfooled.speech_model, unfooled.CTC, "
    "unfooled.SPEECH_ATTACKS; print(time.perf_counter() - began)"
)


def main() -> None:
    runs = [
        subprocess.run([sys.executable, "-c", _ADDED], capture_output=True, text=True, check=True) for _ in range(5)
    ]
    seconds = min(float(run.stdout) for run in runs)
    promise("Importing the speech part adds to torch", f"{seconds:.2f} s", "< 1 s", seconds < 1)


if __name__ == "__main__":
    main()
