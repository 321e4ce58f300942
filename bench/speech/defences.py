"""Defences before a Conformer with CTC: phrases that were crafted without them, and through them.

`python bench/speech/defences.py 2` takes the 2 longest of the recordings up to 3.6 s.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import longest
from _table import Line, lines, summary
from promise import promise

CLIPS, LONGEST, BROKEN = 5, 3.6, 0.8
STEPS, BLIND = 250, 500  # the second where gradients pass a defence by
PHRASES = ("oʊpən ðə fɹʌnt dɔɹ", "pleɪ sʌm mjuzɪk", "tɝn ɔf ðə laɪts")  # noqa: RUF001  phonemes


def main(count: int) -> None:
    from unfooled.core.transcripts import character_error_rate, normalised
    from unfooled.defences import SOUNDS
    from unfooled.models.speech_zoo import read_hama

    torch.set_num_threads(1)
    bare, waves = read_hama(), longest(100)
    names = [name for name, wave in waves.items() if len(wave) <= LONGEST * bare.sample_rate][:count]
    said = {name: PHRASES[place % len(PHRASES)] for place, name in enumerate(names)}
    ignorant = crafted(bare, waves, said, STEPS)
    print(f"undefended: {summary(ignorant)}", file=sys.stderr, flush=True)
    for name, defence in SOUNDS.items():
        model = replace(bare, module=defence(bare.module))
        survived = sum(row.found is not None and heard(model, row.found) == normalised(row.phrase) for row in ignorant)
        steps = STEPS if defence.card.differentiable else BLIND
        knowing = crafted(model, waves, said, steps)
        cost = np.mean([character_error_rate(heard(model, x), heard(bare, x)) for x in waves.values()])
        broken = sum(row.reached for row in knowing) >= BROKEN * len(knowing)
        promise(
            f"{name}: phrases crafted through it, {steps} steps",
            f"{'' if broken else 'not broken: '}{summary(knowing)}; crafted without it, {survived} of {len(ignorant)}; "
            f"characters of {len(waves)} clean recordings heard otherwise: {cost:.1%}",
            f"{BROKEN:.0%}, or it says not broken",
            True,
        )


def crafted(model: Any, waves: dict[str, np.ndarray], said: dict[str, str], steps: int) -> list[Line]:
    """Make the model hear each phrase, as quietly as the steps allow."""
    import unfooled

    attack = unfooled.attack_named("carlini-wagner-audio", steps=steps)
    return [
        line
        for name, phrase in said.items()
        for line in lines(model, [waves[name]], [name], [phrase], within="snr", attack=attack)
    ]


def heard(model: Any, x: np.ndarray) -> str:
    """Transcribe one recording (t,) as deployed."""
    from unfooled.core.batch import Batch
    from unfooled.core.transcripts import text_of

    answer = model.answer(Batch(torch.from_numpy(x)[None], torch.zeros(1, dtype=torch.int64)))
    return str(text_of(int(answer.labels[0])))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CLIPS)
