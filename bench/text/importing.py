"""What the text part adds to the time of importing torch, in fresh processes; the least of five."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fresh import added
from promise import promise


def main() -> None:
    seconds = added("import unfooled, unfooled.sets.grammar; unfooled.text_model, unfooled.TEXT_ATTACKS")
    promise("Importing the text part adds to torch", f"{seconds:.2f} s", "< 1 s", seconds < 1)


if __name__ == "__main__":
    main()
