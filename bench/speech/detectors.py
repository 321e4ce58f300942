"""Detectors before a Conformer with CTC: clean recordings, phrases crafted without them, phrases crafted through them.

`python bench/speech/detectors.py 2` takes the 2 longest of the recordings up to 3.6 s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import longest
from _table import summary
from defences import BROKEN, LONGEST, PHRASES, crafted
from promise import promise

CLIPS, STEPS, LIMIT = 3, 250, 0.3


def main(count: int) -> None:
    from unfooled.defences import SOUNDS
    from unfooled.models.doubting import depending, disagreeing
    from unfooled.models.speech_zoo import read_hama

    torch.set_num_threads(1)
    bare, waves = read_hama(), longest(100)
    names = [name for name, wave in waves.items() if len(wave) <= LONGEST * bare.sample_rate][:count]
    said = {name: PHRASES[place % len(PHRASES)] for place, name in enumerate(names)}
    ignorant = [row.found for row in crafted(bare, waves, said, STEPS) if row.found is not None]
    detectors = {
        "transcripts disagree after rounding to 8 bits": disagreeing(bare, SOUNDS["quantised"], limit=0.0),
        "the beginning depends on what follows": depending(bare, limit=0.0),
    }
    for name, model in detectors.items():
        rows = crafted(model, waves, said, STEPS)
        clean, without = ([differing(model, x) for x in some] for some in (waves.values(), ignorant))
        through = [differing(model, row.found) for row in rows if row.found is not None]
        past = sum(row.reached for row in rows) >= BROKEN * len(rows)
        promise(
            f"{name}, {STEPS} steps",
            f"{'' if past else 'not broken: '}crafted so that not a letter differs {summary(rows)}; "
            f"refused at {LIMIT:.0%}: {sum(one > LIMIT for one in clean)} of {len(clean)} clean, "
            f"{sum(one > LIMIT for one in without)} of {len(without)} crafted without it; area under the curve "
            f"{area(clean, without):.2f} without, {area(clean, through):.2f} through it",
            f"{BROKEN:.0%} past it, or it says not broken",
            True,
        )


def differing(model: Any, x: np.ndarray) -> float:
    """Give the share of characters in which the hearings of one recording (t,) differ."""
    from unfooled.core.batch import Batch

    (share,) = model.writing.differing(model.module, Batch(torch.from_numpy(x)[None], torch.zeros(1).long()))
    return float(share)


def area(clean: list[float], changed: list[float]) -> float:
    """Give the share of pairs of which the changed one is told from the clean one; equals count half."""
    told = [(two > one) + (two == one) / 2 for one in clean for two in changed]
    return float(np.mean(told)) if told else float("nan")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CLIPS)
