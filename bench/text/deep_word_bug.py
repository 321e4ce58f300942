"""DeepWordBug against TextAttack's: the same victim, texts, edits and spared words."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _beside import textattack
from _victim import Victim, reviews
from promise import promise

N, SEEDS = 480, 3


def ours(model: object, texts: list[str], y: list[int], seed: int) -> dict[str, float]:
    import unfooled

    began = time.process_time()
    results = unfooled.audit(model, (texts, y), "chars:30", ["deep-word-bug"], batch=256, seed=seed)
    seconds = time.process_time() - began
    (stage,) = results.stages.to_pylist()
    found = results["chars:30"]
    right = found.column("clean_correct")
    return {"fooled": int((found.broken & right).sum()), "of": int(right.sum()),
            "queries": stage["queries"], "seconds": seconds}  # fmt: skip


def main() -> None:
    import unfooled

    torch.set_num_threads(1)
    victim, (texts, y) = Victim(), reviews(N, 7)
    model = unfooled.text_model(victim, ["bad", "good"])
    ours(model, texts[:4], y[:4], 0)  # imports and first passes
    pairs = [
        (ours(model, texts, y, seed), textattack(str(N), str(seed))) for seed in range(SEEDS)
    ]  # in turns: load moves both alike
    one, other = zip(*pairs, strict=True)
    apart = max(abs(a["fooled"] - b["fooled"]) for a, b in zip(one, other, strict=True))
    asked, asked_there = (sum(row["queries"] for row in rows) for rows in (one, other))
    paces = [tuple(row["queries"] / row["seconds"] for row in pair) for pair in pairs]
    times = sorted(mine / their for mine, their in paces)
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
        f"{where}: queries a CPU second of one thread",
        f"{', '.join(f'{mine:,.0f} against {their:,.0f}' for mine, their in paces)}: {times[SEEDS // 2]:.1f} times",
        ">= 5 times, median of runs in turns",
        times[SEEDS // 2] >= 5,
    )


if __name__ == "__main__":
    main()
