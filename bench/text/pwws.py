"""Searches over WordNet's substitutes beside TextAttack's PWWS: the same victim, texts and candidates."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _beside import bring_wordnet, textattack
from _legible import legible
from _victim import Victim, reviews
from promise import promise

N, THREAT = 120, "words:1"
CLIMBED, ASKED = ("hotflip", "a2t", "gbda"), ("pwws", "textfooler", "text-beam")


def ours() -> dict[str, tuple[int, int, int]]:
    """Give by attack how many texts it fooled, of how many, at how many queries in all, gradients included."""
    import unfooled

    texts, y = reviews(N, 7)
    model, told = legible(Victim()), {}
    for name in (*CLIMBED, *ASKED):
        results = unfooled.audit(model, (texts, y), THREAT, [unfooled.attack_named(name)], batch=256)
        found = results[THREAT]
        right = found.column("clean_correct")
        (stage,) = results.stages.to_pylist()
        told[name] = int((found.broken & right).sum()), int(right.sum()), stage["queries"] + stage["forwards"]
    return told


def theirs() -> tuple[int, int, int]:
    """Ask TextAttack, in its own environment."""
    from unfooled.sets.words import Words, substitutes

    words = {word for text in reviews(N, 7)[0] for word in Words(1).pieces(text)[1::2]}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.json"
        table.write_text(json.dumps({word: list(substitutes(word)) for word in words}), encoding="utf-8")
        row = textattack(str(N), "0", str(table))
    return row["fooled"], row["of"], row["queries"]


def main() -> None:
    torch.set_num_threads(1)
    bring_wordnet()
    mine, (fooled, of, asked) = ours(), theirs()
    listed = {
        name: f"{name} {mine[name][0]} of {mine[name][1]} at {mine[name][2] / of:.0f}" for name in (*CLIMBED, *ASKED)
    }
    peer = f"TextAttack's PWWS {fooled} of {of} at {asked / of:.0f}"
    for how, names in (("climbed", CLIMBED), ("asked for scores", ASKED)):
        promise(
            f"{THREAT} on made-up reviews, {how}: PWWS's success at half its queries, gradients counted",
            f"{'; '.join(map(listed.__getitem__, names))}; {peer} queries a text",
            "one that fools as many at <= 0.5 times",
            any(mine[name][0] >= fooled and mine[name][2] <= 0.5 * asked for name in names),
        )


if __name__ == "__main__":
    main()
