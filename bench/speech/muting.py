"""A universal prefix that mutes Whisper tiny.en: learned on some recordings, judged on others, in files of 16 bits.

0.64 s of silence stand in front of every recording, and the change lies in them alone. It is learned on recordings and
on the voices of espeak-ng and flite, and judged on other recordings. Beside it, noise of its size.
`python bench/speech/muting.py 4 3 1` learns on 4 recordings and a phrase of each voice, and judges on 3.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import RATE, longest
from _voices import TAUGHT, install, synthetic
from peers._env import enter
from promise import promise

SECONDS, EPOCHS, TOGETHER, LOUD = 0.64, 10, 4, 0.3
THREAT = f"mute linf:0.05@first:{SECONDS}s"


def main(learned: int, judged: int, each: int) -> None:
    import unfooled
    from unfooled.attacks.apply import Apply
    from unfooled.auditing.threats import read_threats
    from unfooled.core.batch import Batch
    from unfooled.core.rates import wilson
    from unfooled.core.seeds import Draws
    from unfooled.core.target import Access, Target
    from unfooled.core.writing import aimed
    from unfooled.crafting.delta import corner
    from unfooled.crafting.universal import Universal
    from unfooled.modalities.wav import Wav16
    from unfooled.models.speech_zoo import read_whisper

    torch.set_num_threads(1)
    install()
    model, real = read_whisper(), list(reversed(longest(13).values()))
    made = [wave * (LOUD / np.abs(wave).max()) for wave in synthetic(TAUGHT, 0, each).values()]
    learned_from, others = ([quiet_first(wave) for wave in some] for some in (real[:learned] + made, real[learned:]))
    began = time.process_time()
    train = stacked(learned_from, Batch)
    (threat,) = read_threats(THREAT, Wav16(RATE), domain=(-1.0, Wav16(RATE).high))
    y = torch.zeros(len(train), dtype=torch.int64)  # of no meaning to a goal that names its phrase
    goal, led = aimed(threat.goal, model, train, y)
    crafter = Universal(threat.within, epochs=EPOCHS, batch=TOGETHER)
    delta = crafter([Target(led, Access.GRADIENT, len(train))], train, y, goal, Draws.of(0, "muting"))
    spent = time.process_time() - began
    print(f"learned in {spent:.0f} CPU s: {delta.made['fooled']} of {len(train)} muted", file=sys.stderr, flush=True)
    muted = {}
    for name, change in (("The prefix", delta), ("Noise of its size", corner(delta, Draws.of(0, "noise")))):
        results = unfooled.audit(model, (others[:judged], None), THREAT, [Apply(change)], batch=1)
        muted[name] = int(results[THREAT].broken.sum())
    low, high = wilson(muted["The prefix"], judged)
    promise(
        "A prefix mutes Whisper on recordings that it was not learned from",
        f"{muted['The prefix']} of {judged} ({low:.0%} to {high:.0%}), noise of its size {muted['Noise of its size']}; "
        f"learned on {learned} recordings and {len(made)} phrases of synthetic voices in {spent:.0f} CPU s",
        "more than half, and more than noise",
        2 * muted["The prefix"] > judged and muted["The prefix"] > muted["Noise of its size"],
    )


def quiet_first(wave: np.ndarray) -> np.ndarray:
    """Put the silence of the prefix in front of a recording (t,)."""
    return np.pad(wave, (round(SECONDS * RATE), 0))


def stacked(waves: list[np.ndarray], batch: type) -> object:
    """Stand recordings over one another, padded with silence."""
    lengths = torch.tensor([len(wave) for wave in waves])
    values = np.stack([np.pad(wave, (0, int(lengths.max()) - len(wave))) for wave in waves])
    return batch(torch.from_numpy(values), torch.arange(len(waves)), lengths)


if __name__ == "__main__":
    enter()
    main(*(map(int, sys.argv[1:]) if len(sys.argv) > 1 else (8, 5, 6)))
