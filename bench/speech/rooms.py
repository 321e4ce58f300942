"""Over the air, simulated: phrases that are learned at places of five rooms and heard at others that nobody learned.

Beside Carlini and Wagner's attack that knows of no room. `python bench/speech/rooms.py 1` takes the shortest of the
recordings alone.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import longest
from _table import lines
from peers._env import enter
from promise import promise

LEARNED, JUDGED, AT_ONCE, QUORUM, NOISE = 6, 6, 5, 0.8, 30.0
"""Places of each room, those met at each step and the share that must hear it, decibels of noise below the sound."""
STEPS, SAY = 120, "goʊ ɔn"  # go on, as the model itself writes it


def main(count: int) -> None:
    import unfooled
    from unfooled.core.batch import Batch
    from unfooled.core.rates import wilson
    from unfooled.core.seeds import Draws
    from unfooled.core.transcripts import character_error_rate, normalised
    from unfooled.models.over_the_air import OverTheAir
    from unfooled.models.speech_zoo import read_hama
    from unfooled.scenes.rooms import ROOMS

    torch.set_num_threads(1)
    model, waves = read_hama(), longest()
    rate = model.sample_rate

    def responses(places: int, seed: int) -> torch.Tensor:
        return torch.cat([room.responses(places, rate, Draws.of(seed, name)) for name, room in ROOMS.items()])

    learned = OverTheAir(model.writing, responses(LEARNED, 1), some=AT_ONCE, snr=NOISE, quorum=QUORUM)
    judged = OverTheAir(model.writing, responses(JUDGED, 2), snr=NOISE, seed=2)
    attack = unfooled.attack_named("carlini-wagner-audio", steps=STEPS, surplus=2.0)
    heard: dict[str, list[str]] = {"in rooms": [], "without": []}
    snrs: dict[str, list[float]] = {"in rooms": [], "without": []}
    before = []
    for name, wave in list(waves.items())[-count:]:
        for which, ears in (("in rooms", replace(model, writing=learned)), ("without", model)):
            (line,) = lines(ears, [wave], [name], [SAY], within="snr:5", attack=attack)
            x = torch.from_numpy(wave if line.found is None else line.found.astype(np.float32))[None]
            texts = model.answer(judged.heard_at(Batch(x, torch.zeros(1, dtype=torch.int64)))).texts
            heard[which] += texts
            snrs[which] += [] if line.change is None else [line.change.snr]
            print(f"{name} {which}: {line.change}, heard {texts}", file=sys.stderr, flush=True)
        clean = Batch(torch.from_numpy(wave)[None], torch.zeros(1, dtype=torch.int64))
        (said,) = model.answer(clean).texts
        before += [character_error_rate(text, said) for text in model.answer(judged.heard_at(clean)).texts]
    for which, texts in heard.items():
        hits, n = sum(text == normalised(SAY) for text in texts), len(texts)
        low, high = wilson(hits, n)
        wrong = np.mean([character_error_rate(text, SAY) for text in texts])
        snr = f"{np.mean(snrs[which]):.1f} dB" if snrs[which] else "none: never reached"
        promise(
            f"Heard as {SAY!r} at places that were not learned, attacked {which}",
            f"{hits} of {n} ({low:.0%} to {high:.0%}), {wrong:.0%} of the characters wrong, mean SNR {snr}",
            "its figure stands beside", True,
        )  # fmt: skip
    promise("What the rooms alone do to recordings", f"{np.mean(before):.0%} wrong characters", "for comparison", True)


if __name__ == "__main__":
    enter()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
