"""Whisper tiny.en: phrases on real recordings, in files of 16 bits, as the transformers pipeline hears them.

`python bench/speech/whisper.py 3` takes the first 3 of the 10 recordings.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import drawn, longest
from peers._env import enter
from promise import promise

STEPS, CPU = 120, 200.0
BEAMS = 5  # the pipeline's own default; the deployed decoder of the audit is greedy


def main(count: int) -> None:
    from _pipeline import listener
    from _table import Line, lines, summary

    import unfooled
    from unfooled.core.transcripts import normalised
    from unfooled.models.speech_zoo import read_whisper

    torch.set_num_threads(1)
    model, ears, waves = read_whisper(), listener(), longest()
    attack = unfooled.attack_named("carlini-wagner-audio", steps=STEPS)
    rows: list[Line] = []
    beamed = 0
    for name, phrases in drawn(list(waves))[:count]:
        for row in lines(model, [waves[name]], [name], phrases, within="db", attack=attack):
            greedy, wide = ("", "") if row.found is None else (ears(row.found, beams) for beams in (1, BEAMS))
            heard = normalised(greedy) == normalised(row.phrase)
            print(
                f"{name} {row.phrase!r}: {greedy!r}, by beams {wide!r}, first after {row.first} passes, {row.change} "
                f"{row.cpu_seconds:.0f} CPU s",
                file=sys.stderr,
                flush=True,
            )
            rows.append(replace(row, reached=row.reached and heard))
            beamed += normalised(wide) == normalised(row.phrase)
    hits = [row.change for row in rows if row.reached and row.change]
    promise(
        f"The transformers pipeline hears the phrase in 16-bit files, greedily, {STEPS} steps",
        f"{summary(rows)}; with its own default of {BEAMS} beams, of which the attack knew nothing, {beamed}",
        "all, 35 dB, -45 dB, 99.9 %",
        len(hits) == len(rows)
        and sum(one.snr for one in hits) >= 35 * len(hits)
        and sum(one.peak_db for one in hits) <= -45 * len(hits)
        and min(one.pearson for one in hits) >= 0.999,
    )
    dearest = max(row.cpu_seconds for row in rows)
    promise(
        "CPU time of a phrase on Whisper, for clips of 2 to 7 s",
        f"{sum(row.cpu_seconds for row in rows) / len(rows):.0f} s, at most {dearest:.0f} s",
        f"{CPU:.0f} s for a clip of 4 s", dearest <= CPU,
    )  # fmt: skip


if __name__ == "__main__":
    enter()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
