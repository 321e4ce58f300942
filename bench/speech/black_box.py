"""Without gradients: CTC networks that give only scores, or only transcripts, and the answers that it takes.

The network that reads tones, then hama on real recordings. `python bench/speech/black_box.py 3 0` takes the first 3 of
6 clips of tones and none for hama.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from promise import promise

STOP, ANYTHING = "transcribe:stop linf:0.1 by scores", "misheard linf:0.005 by scores"
TONES = (
    (STOP, "genetic-audio", {"queries": 20_000}),
    (STOP, "nes", {"queries": 20_000, "step": 0.005}),
    (STOP, "square", {"queries": 20_000}),
    *((ANYTHING, name, {"queries": 2_000}) for name in ("genetic-audio", "nes", "square")),
    ("misheard linf:0.02 by labels", "rays", {"queries": 2_000}),
)
"""Threats, each with an attack that needs no more than it grants, and its settings."""

HAMA = tuple(("misheard linf:0.002 by scores", name, {"queries": 2_000}) for name in ("genetic-audio", "square"))


def main(count: int, real: int) -> None:
    from unfooled.models.speech_zoo import read_hama, read_tones
    from unfooled.zoo import tones

    torch.set_num_threads(1)
    source = tones.sentences()
    heard = [source.load(clip) for clip in range(count)]
    for plan in TONES:
        told("tones", read_tones(), (heard, source.names[:count]), plan)
    if real:
        from _recordings import longest

        waves = list(longest().values())[-real:]
        for plan in HAMA:
            told("hama", read_hama(), (waves, None), plan)


def told(name: str, model: Any, data: tuple[Sequence[np.ndarray], Any], plan: tuple[str, str, dict[str, Any]]) -> None:
    """Audit, and say how many fell and what they cost."""
    import unfooled
    from unfooled.core.rates import wilson

    threat, attack, settings = plan
    results = unfooled.audit(model, data, threat, [unfooled.attack_named(attack, **settings)], batch=1)
    found, count = results[threat], len(data[0])
    asked = np.sort(found.column("asked")[found.broken])
    low, high = wilson(len(asked), count)
    taken = f"{np.median(asked):,.0f} answers in the median, {asked[-1]:,.0f} at most" if len(asked) else "none"
    promise(
        f"{name}: {threat}, {attack}, of {settings['queries']:,} answers",
        f"{len(asked)} of {count} ({low:.0%} to {high:.0%}), {taken}",
        "half" if attack == "genetic-audio" else "beside it",
        attack != "genetic-audio" or 2 * len(asked) >= count,
    )


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if len(sys.argv) > 1 else (6, 3)))
