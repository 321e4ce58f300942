"""Imperceptible: phrases on real recordings, in files of 16 bits, by changes that the recordings mask.

Beside Carlini and Wagner's attack in as many steps, which knows nothing of an ear.
`python bench/speech/imperceptible.py 3` takes the first 3 of the 10 recordings, one phrase each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import drawn, longest
from _table import Line, lines, summary
from peers._env import enter
from promise import promise

STEPS, MOST = 280, 0.01


def main(count: int) -> None:
    import hama

    import unfooled
    from unfooled.models.speech_zoo import read_hama
    from unfooled.sets.masking import masking_threshold, share_above

    torch.set_num_threads(1)
    spoken, model, waves = hama.G2PModel(), read_hama(), longest()
    plans = {"inaudible:0": "imperceptible", "db": "carlini-wagner-audio"}
    shares: dict[str, list[float]] = {within: [] for within in plans}
    rows: dict[str, list[Line]] = {within: [] for within in plans}
    for name, (phrase,) in drawn(list(waves), each=1)[:count]:
        say = spoken.predict(phrase).ipa
        threshold = masking_threshold(torch.from_numpy(waves[name]), model.sample_rate)
        for within, attack in plans.items():
            chosen = unfooled.attack_named(attack, **({"steps": STEPS} if within == "db" else {}))
            (line,) = lines(model, [waves[name]], [name], [say], within=within, attack=chosen)
            rows[within].append(line)
            if line.found is not None:
                added = line.found - np.rint(waves[name] * 32768) / 32768
                shares[within].append(share_above(torch.from_numpy(added), threshold))
            print(f"{name} {phrase!r} {within}: {line.reached} {line.change} {shares[within][-1:]}", file=sys.stderr)
    tell(rows["inaudible:0"], shares["inaudible:0"])
    promise(
        f"Energy above the masking threshold without that stage, {STEPS} steps",
        f"{np.mean(shares['db']):.1%}; {summary(rows['db'])}", "its figure stands beside", True,
    )  # fmt: skip


def tell(rows: list[Line], shares: list[float]) -> None:
    every = all(row.reached for row in rows)
    promise("Heard as the phrase after the masking stage", summary(rows), "all", every)
    worst = max(shares, default=1.0)
    figure = f"{np.mean(shares):.2%} in the mean, {worst:.2%} at most"
    promise("Energy of the change above the masking threshold", figure, f"{MOST:.0%}", every and worst <= MOST)


if __name__ == "__main__":
    enter()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
