"""Classifiers of sound: synthetic speech that passes for real, and strangers who pass for a speaker."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import RATE, longest
from _voices import CLASSES, HELD, TAUGHT, install, synthetic, trained
from promise import promise

STEPS, QUIET = 100, 30.0
READER, CARDS, COMMANDS = ("0870", "0920", "0890", "0930", "0880"), ("005", "002", "004", "003", "001"), (
    "numbers", "something", "goforward",
)  # fmt: skip
ENROLLED = READER[:2]


def main() -> None:
    import unfooled
    from unfooled.modalities.hearing import read_recording
    from unfooled.zoo.speech import voice
    from unfooled.zoo.speech.recording import recording

    torch.set_num_threads(1)
    install()
    waves = longest(100) | {"recording": read_recording(recording(), RATE).values}
    taught = (*READER[:3], *CARDS[:3], *COMMANDS[:2])
    net = trained([waves[one] for one in taught], list(synthetic(TAUGHT, 0, 6).values()))
    listener = unfooled.wrap(net, classes=CLASSES, name="listener", takes_lengths=True)
    others = {name: x for name, x in waves.items() if name not in taught}
    told("synthetic speech passes for real", listener, 0, synthetic(HELD, 100, 4), others)

    check = voice.speaker_check([torch.from_numpy(waves[one]) for one in ENROLLED])
    door = unfooled.wrap(check, classes=voice.CLASSES, name="speaker check", takes_lengths=True)
    strangers = {name: x for name, x in waves.items() if name not in READER}
    told("a stranger passes for the speaker", door, 1, strangers, {name: waves[name] for name in READER[2:]})


def told(what: str, model: Any, wanted: int, outside: dict[str, np.ndarray], inside: dict[str, np.ndarray]) -> None:
    """Attack those outside so that they are taken for the class wanted, and say how the model does without attack."""
    from unfooled.core.rates import wilson

    kept = sum(answered(model, x) == wanted for x in inside.values())
    passed = sum(answered(model, x) == wanted for x in outside.values())
    began = time.process_time()
    snrs = attacked(model, wanted, outside)
    spent = (time.process_time() - began) / len(outside)
    low, high = wilson(len(snrs), len(outside))
    quiet = sum(snr >= QUIET for snr in snrs)
    promise(
        f"{what}, {STEPS} steps",
        f"{len(snrs)} of {len(outside)} ({low:.0%} to {high:.0%}), mean SNR {np.mean(snrs or [np.nan]):.1f} dB, least "
        f"{min(snrs, default=np.nan):.1f} dB, {quiet} at {QUIET:g} dB or more, {spent:.1f} CPU s each; without attack "
        f"{passed} of {len(outside)}, and {kept} of {len(inside)} who may pass do",
        "its figure stands beside",
        len(snrs) == len(outside) and passed <= len(outside) // 10,
    )


def answered(model: Any, x: np.ndarray) -> int:
    """Classify one recording (t,)."""
    from unfooled.core.batch import Batch

    return int(model.answer(Batch(torch.from_numpy(x)[None], torch.zeros(1, dtype=torch.int64))).labels[0])


def attacked(model: Any, wanted: int, waves: dict[str, np.ndarray]) -> list[float]:
    """Give the signal-to-noise ratio of each success: of files that were read back, each asked alone."""
    import unfooled
    from unfooled.auditing.export import export
    from unfooled.core.results import values_of
    from unfooled.modalities.sounds import change_of
    from unfooled.modalities.wav import Wav16

    carrier, threat = Wav16(RATE), f"become:{wanted} snr"
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "outside" / model.classes[1 - wanted]
        home.mkdir(parents=True)
        for name, x in waves.items():
            carrier.write(home / name, carrier.pack(x))
        attack = unfooled.attack_named("carlini-wagner-audio", steps=STEPS)
        results = unfooled.audit(model, home.parent, threat, [attack], batch=1, diagnose=False)
        export(results, Path(place) / "files")
        checked = unfooled.verify(results, model, files=Path(place) / "files")
    confirmed = {one.name for one in checked if one.confirmed}
    rows = [row for row in results.records.to_pylist() if row["broken"] and row["name"] in confirmed]
    pairs = [
        [values_of(results.tensors[f"{of}/{row['key']}"]) for of in ("x", f"x_adv/{row['threat']}")] for row in rows
    ]
    return [change_of(x, x_adv, RATE).snr for x, x_adv in pairs]


if __name__ == "__main__":
    main()
