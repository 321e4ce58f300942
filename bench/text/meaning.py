"""Word substitution: no opposite is accepted."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from _beside import bring_wordnet
from promise import promise


def main() -> None:
    from unfooled.core.texts import batch_of
    from unfooled.sets.wordnet import installed
    from unfooled.sets.words import Words

    bring_wordnet()
    pairs = sorted({pair for pair in installed().opposites() if pair[0] != pair[1] and all(map(str.isalpha, pair))})
    ids = torch.arange(len(pairs))
    before, after = (batch_of([f"it is {pair[side]} here" for pair in pairs], ids, 64) for side in (0, 1))
    accepted = int(Words(1.0).contains(after, before).sum())
    promise(
        "No word may be replaced by one that WordNet calls its opposite",
        f"{accepted} accepted of {len(pairs):,} pairs",
        "0 accepted",
        accepted == 0 and len(pairs) > 1000,
    )


if __name__ == "__main__":
    main()
