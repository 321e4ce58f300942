"""DeepWordBug against TextAttack's: the same victim, texts, edits and spared words.

TextAttack needs an environment of its own (its resolver does not end): name its Python in UNFOOLED_TEXTATTACK.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _victim import Victim, reviews
from promise import promise

N, SEEDS = 120, 3


def ours() -> list[dict[str, float]]:
    import unfooled

    victim = Victim()
    texts, y = reviews(N, 7)
    model = unfooled.text_model(victim, ["bad", "good"])
    unfooled.audit(model, (texts[:4], y[:4]), "chars:30", ["deep-word-bug"], batch=256)  # imports and first passes
    rows = []
    for seed in range(SEEDS):
        results = unfooled.audit(model, (texts, y), "chars:30", ["deep-word-bug"], batch=256, seed=seed)
        (stage,) = results.stages.to_pylist()
        found = results["chars:30"]
        right = found.column("clean_correct")
        rows.append({"fooled": int((found.broken & right).sum()), "of": int(right.sum()),
                     "queries": stage["queries"], "seconds": stage["seconds"]})  # fmt: skip
    return rows


def theirs() -> list[dict[str, float]]:
    python = os.environ.get("UNFOOLED_TEXTATTACK")
    if python is None:
        raise SystemExit("TextAttack was not asked: name the Python that has it in UNFOOLED_TEXTATTACK.")
    script = Path(__file__).with_name("_textattack.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, str(script), str(N), str(SEEDS)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return list(json.loads(run.stdout.strip().splitlines()[-1])["rows"])


def main() -> None:
    torch.set_num_threads(1)
    one, other = ours(), theirs()
    apart = max(abs(a["fooled"] - b["fooled"]) for a, b in zip(one, other, strict=True))
    asked, asked_there = (sum(row["queries"] for row in rows) for rows in (one, other))
    pace, pace_there = (
        sum(row["queries"] for row in rows) / sum(row["seconds"] for row in rows) for rows in (one, other)
    )
    where = f"DeepWordBug on {one[0]['of']:.0f} made-up reviews that a word network reads right, {SEEDS} seeds"
    promise(
        f"{where}: success within 1 text of TextAttack's",
        f"{[row['fooled'] for row in one]} fooled, TextAttack {[row['fooled'] for row in other]}",
        "at most 1 apart, each seed",
        apart <= 1,
    )
    promise(
        f"{where}: no more queries",
        f"{asked / SEEDS:,.0f} a seed, TextAttack {asked_there / SEEDS:,.0f}: {asked / asked_there:.2f} times",
        "<= 1.0 times",
        asked <= asked_there,
    )
    promise(
        f"{where}: queries a second",
        f"{pace:,.0f}, TextAttack {pace_there:,.0f}: {pace / pace_there:.1f} times",
        ">= 5 times",
        pace >= 5 * pace_there,
    )


if __name__ == "__main__":
    main()
