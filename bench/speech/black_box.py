"""Without gradients: CTC networks that give only scores, or only transcripts, and the answers that it takes.

On the network that reads tones, and once on hama. `python bench/speech/black_box.py 2` takes the first 2 of 6 clips.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from promise import promise

PHRASE, ANYTHING = "transcribe:stop linf:0.1 by scores", "misheard linf:0.005 by scores"
PLANS = (
    *((PHRASE, name, 20_000) for name in ("genetic-audio", "nes", "square")),
    *((ANYTHING, name, 2_000) for name in ("genetic-audio", "nes", "square")),
    ("misheard linf:0.02 by labels", "rays", 2_000),
)
"""Threats, each with an attack that needs no more than it grants, and its most answers."""


def main(count: int) -> None:
    import unfooled
    from unfooled.core.rates import wilson
    from unfooled.models.speech_zoo import read_tones
    from unfooled.zoo import tones

    torch.set_num_threads(1)
    model, source = read_tones(), tones.sentences()
    waves, said = [source.load(clip) for clip in range(count)], source.names[:count]
    for threat, name, queries in PLANS:
        attack = unfooled.attack_named(name, queries=queries)
        results = unfooled.audit(model, (waves, said), threat, [attack], batch=1)
        found = results[threat]
        hits = int(found.broken.sum())
        asked = found.column("asked")[found.broken]
        low, high = wilson(hits, count)
        median = f"{np.median(asked):.0f} answers in the median" if hits else "no success"
        promise(
            f"{threat}, {name}, at most {queries} answers",
            f"{hits} of {count} ({low:.0%} to {high:.0%}), {median}",
            "its figure stands beside", True,
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
