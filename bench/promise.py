"""How a script of `bench/NAME/` says what it measured; `bench/show.py` reads it."""

import json


def promise(line: str, figure: str, goal: str, met: bool) -> None:
    """Print one promise as a line of JSON."""
    print(json.dumps({"line": line, "figure": figure, "goal": goal, "met": bool(met)}, ensure_ascii=False), flush=True)
