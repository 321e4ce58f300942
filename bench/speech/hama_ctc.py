"""A Conformer with CTC: phrases on real recordings, in files of 16 bits, as the package's own engine hears them.

Beside asr-attacks' Carlini-Wagner and adversarial-robustness-toolbox's, on the same module in the same run.
`python bench/speech/hama_ctc.py 3` takes the first 3 of the 10 recordings.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from _recordings import RATE, drawn, longest
from _table import lines
from peers._env import enter
from promise import promise

STEPS, THEIRS = 220, 500


class Tried(NamedTuple):
    """One recording that was to be heard as one phrase."""

    reached: bool  # in 16 bits, by the package's own engine
    snr: float
    peak_db: float
    pearson: float
    seconds: float


def main(count: int) -> None:
    import hama

    import unfooled
    from unfooled.models.speech_zoo import read_hama

    torch.set_num_threads(1)
    spoken, engine, model = hama.G2PModel(), hama.ASRModel(), read_hama()
    attack = unfooled.attack_named("carlini-wagner-audio", steps=STEPS)
    waves = longest()
    tried: dict[str, list[Tried]] = {"ours": [], "asr-attacks": [], "ART": []}
    for name, phrases in drawn(list(waves))[:count]:
        for phrase in phrases:
            say = spoken.predict(phrase).ipa
            (line,) = lines(model, [waves[name]], [name], [say], within="db", attack=attack)
            tried["ours"].append(of_line(line))
            for peer, run in (("asr-attacks", asr_attacks), ("ART", toolbox)):
                began = time.process_time()
                found = run(model.module, waves[name], model.writing.spelled(say))
                tried[peer].append(measured(engine, waves[name], found, say, time.process_time() - began))
            for peer, rows in tried.items():
                print(f"{name} {phrase!r} {peer}: {rows[-1]}", file=sys.stderr, flush=True)
    tell(tried)


def of_line(line: Any) -> Tried:
    change = line.change
    if change is None:
        return Tried(False, np.nan, np.nan, np.nan, line.cpu_seconds)
    return Tried(line.reached, change.snr, change.peak_db, change.pearson, line.cpu_seconds)


def measured(engine: Any, x: np.ndarray, found: np.ndarray, say: str, seconds: float) -> Tried:
    """Round to 16 bits, and let the package's engine hear it."""
    from unfooled.core.transcripts import normalised
    from unfooled.modalities.sounds import change_of

    stored = (np.rint(found * 32768).clip(-32768, 32767) / 32768).astype(np.float32)
    change = change_of(x, stored, RATE)
    reached = normalised(heard(engine, stored)) == normalised(say)
    return Tried(reached, change.snr, change.peak_db, change.pearson, seconds)


def heard(engine: Any, x: np.ndarray) -> str:
    """Transcribe by the package's engine: words with a space between them."""
    words: str = engine(x, RATE).word_phoneme_text
    return " ".join(word.replace(" ", "") for word in words.split(" | "))


def asr_attacks(module: torch.nn.Module, x: np.ndarray, tokens: list[int]) -> np.ndarray:
    """Their attack with its own settings; letters of an alphabet of theirs stand for tokens."""
    from asr_attacks.attacks.cw import cw
    from asr_attacks.backends.module import CTCModuleBackend

    letters = [chr(0x4E00 + token) for token in range(191)]
    backend = CTCModuleBackend(module, letters, blank_id=190)
    phrase = "".join(letters[token] for token in tokens)
    found = cw(backend, torch.from_numpy(x), num_iter=THEIRS, targeted=True, target=phrase, verbose=False)
    return np.asarray(found, dtype=np.float32).reshape(-1)


def toolbox(module: torch.nn.Module, x: np.ndarray, tokens: list[int]) -> np.ndarray:
    """Their attack on an estimator of few lines, its sizes, which are for 16-bit samples, scaled to [-1, 1]."""
    from _toolbox import estimator

    attack, phrase = estimator(module, THEIRS), "".join(chr(0x4E00 + token) for token in tokens)
    return np.asarray(attack.generate(x[None], np.array([phrase]))[0], dtype=np.float32)


def tell(tried: dict[str, list[Tried]]) -> None:
    def mean(peer: str, field: str) -> float:
        rows = [row for row in tried[peer] if row.reached]
        return float(np.mean([getattr(row, field) for row in rows])) if rows else float("nan")

    def hits(peer: str) -> int:
        return sum(row.reached for row in tried[peer])

    from unfooled.core.rates import wilson

    n, ours = len(tried["ours"]), hits("ours")
    low, high = wilson(ours, n)
    figure = f"{ours} of {n} ({low:.0%} to {high:.0%}), mean SNR {mean('ours', 'snr'):.1f} dB, peak {mean('ours', 'peak_db'):.1f} dB"  # noqa: E501
    goal = "all, 33 dB, -47 dB"
    loud = mean("ours", "snr") >= 33 and mean("ours", "peak_db") <= -47
    promise(f"hama's engine hears the phrase in 16-bit files, {STEPS} steps", figure, goal, ours == n and loud)
    for peer in ("asr-attacks", "ART"):
        taken = [np.mean([row.seconds for row in tried[one]]) for one in ("ours", peer)]
        beside = f"{hits(peer)} of {n}, SNR {mean(peer, 'snr'):.1f} dB, peak {mean(peer, 'peak_db'):.1f} dB, {taken[1]:.1f} CPU s; ours {taken[0]:.1f} CPU s"  # noqa: E501
        if peer == "ART":
            gap = mean(peer, "peak_db") - mean("ours", "peak_db")
            promise(f"Quieter than ART in {THEIRS} steps", f"{gap:.1f} dB; {beside}", "14 dB at the peak", gap >= 14)
        else:
            met = taken[0] <= taken[1] / 2 and ours >= hits(peer)
            promise(f"Half the time of asr-attacks in {THEIRS} steps", beside, "half its CPU, no fewer", met)


if __name__ == "__main__":
    enter()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
