"""Success against characters a second, on the network that reads tones: 50 frames a second, one letter each."""

from __future__ import annotations

import random
import string
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _table import lines, summary
from promise import promise

RATES, CLIPS, STEPS = (5, 10, 20, 30, 40), 3, 300


def phrase(rate: int, seconds: float, seed: int) -> str:
    """Draw letters, no two neighbours alike: so many a second."""
    source = random.Random(seed)
    letters: list[str] = []
    while len(letters) < round(rate * seconds):
        letters += [one for one in source.choice(string.ascii_lowercase) if letters[-1:] != [one]]
    return "".join(letters)


def main() -> None:
    import unfooled
    from unfooled.models.speech_zoo import read_tones
    from unfooled.zoo import tones

    torch.set_num_threads(1)
    model, source = read_tones(), tones.sentences()
    attack = unfooled.attack_named("carlini-wagner-audio", steps=STEPS)
    for rate in RATES:
        rows = []
        for clip in range(CLIPS):
            wave = source.load(clip)
            say = phrase(rate, len(wave) / tones.RATE, 100 * rate + clip)
            rows += lines(model, [wave], [source.names[clip]], [say], within="snr", attack=attack)
        promise(
            f"Random letters at {rate} characters a second, {STEPS} steps, no limit",
            summary(rows),
            "all reached" if rate == RATES[0] else "its figure stands beside",
            rate > RATES[0] or all(row.reached for row in rows),
        )


if __name__ == "__main__":
    main()
