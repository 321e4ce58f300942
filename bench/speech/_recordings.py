"""Real recordings of speech out of the package pocketsphinx-testdata, and phrases to be heard in their place."""

from __future__ import annotations

import random
import sys
import wave
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from fetch import DATA, PACKAGES, fetch

RATE, CLIPS, EACH, SEED = 16_000, 10, 2, 0


def longest(count: int = CLIPS) -> dict[str, np.ndarray]:
    """Give the longest recordings by name, (t,) float32 at 16 kHz: read sentences, cards and commands, 2 to 7 s."""
    for name in PACKAGES:
        if name.startswith("speech"):
            fetch(name)
    paths = [*DATA.glob("speech-*/*.wav"), *(DATA / "speech-commands").glob("*.raw")]
    found = {path.stem.rpartition("-")[2]: samples(path) for path in sorted(paths)}
    return dict(sorted(found.items(), key=lambda one: -len(one[1]))[:count])


def samples(path: Path) -> np.ndarray:
    """Read 16-bit samples of one channel at 16 kHz, with a head (.wav) or without one (.raw)."""
    if path.suffix == ".raw":
        stored = path.read_bytes()
    else:
        with wave.open(str(path)) as file:
            stored = file.readframes(file.getnframes())
    return np.frombuffer(stored, "<i2").astype(np.float32) / 32768


def phrases() -> list[str]:
    """Give the 200 phrases of 2 to 9 words that are drawn from."""
    return (Path(__file__).parent / "phrases.txt").read_text(encoding="utf-8").splitlines()


def drawn(names: list[str], each: int = EACH, seed: int = SEED) -> list[tuple[str, list[str]]]:
    """Draw phrases for each recording."""
    source, known = random.Random(seed), phrases()
    return [(name, source.sample(known, each)) for name in names]
