"""Real and synthetic voices, and a small network that is trained on the spot to tell them apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import torch
from _recordings import RATE, phrases
from torch import Tensor, nn

from unfooled.modalities.hearing import resampled
from unfooled.zoo.speech.log_mel import LogMel

CLASSES = ("real", "synthetic")
SECOND, MELS, WIDTH, ROWS, STEPS = RATE, 40, 64, 32, 500
TAUGHT = ("espeak-ng en-us", "espeak-ng en-gb-scotland", "espeak-ng en-us+f2", "flite kal16", "flite rms", "flite slt")
HELD = ("espeak-ng en-gb-x-rp", "espeak-ng en-us+f4", "flite awb")
"""Voices that are learned from, and others to judge by."""


class Listener(nn.Module):
    """Recordings (b, t) at 16 kHz, each by itself, to scores (b, 2) of `CLASSES`."""

    def __init__(self) -> None:
        super().__init__()
        self.features = LogMel(MELS)
        self.layers = nn.Sequential(
            nn.Conv1d(MELS, WIDTH, 5, stride=2), nn.GELU(), nn.Conv1d(WIDTH, WIDTH, 5, stride=2), nn.GELU(),
            nn.Conv1d(WIDTH, WIDTH, 5), nn.GELU(),
        )  # fmt: skip
        self.tell = nn.Linear(WIDTH, len(CLASSES))

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        ends = [values.shape[1]] * len(values) if lengths is None else lengths.tolist()
        return torch.cat([self.heard(row[None, :end]) for row, end in zip(values, ends, strict=True)])

    def heard(self, values: Tensor) -> Tensor:
        scores: Tensor = self.tell(self.layers(self.features(values)).mean(dim=2))
        return scores


def trained(real: list[np.ndarray], made: list[np.ndarray]) -> Listener:
    """Train on seconds of recordings, at a loudness and with a noise that are drawn, so that neither tells."""
    source = np.random.default_rng(0)
    torch.manual_seed(0)
    net = Listener()
    descent = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(STEPS):
        y = torch.arange(ROWS) % 2
        rows = [second([real, made][int(label)], source) for label in y]
        loss = nn.functional.cross_entropy(net.heard(torch.from_numpy(np.stack(rows))), y)
        descent.zero_grad()
        loss.backward()
        descent.step()
    return net.eval().requires_grad_(False)


def second(waves: list[np.ndarray], source: np.random.Generator) -> np.ndarray:
    """Draw a second of some recording: loudness 5 to 50 % of full scale at its peak, noise 30 to 60 dB below."""
    x = waves[source.integers(len(waves))]
    at = source.integers(max(1, len(x) - SECOND))
    cut = np.pad(x[at : at + SECOND], (0, max(0, at + SECOND - len(x))))
    loud = source.uniform(0.05, 0.5)
    noise = source.standard_normal(SECOND) * loud * 10 ** (-source.uniform(30, 60) / 20)
    return np.asarray(cut / max(np.abs(cut).max(), 1e-3) * loud + noise, np.float32)


def synthetic(voices: tuple[str, ...], first: int, each: int) -> dict[str, np.ndarray]:
    """Let voices speak some of the phrases, (t,) float32 at 16 kHz, by name."""
    texts = phrases()
    return {
        f"{voice.replace(' ', '-').replace('+', '-')}-{first + i}": spoken(voice, texts[first + number * each + i])
        for number, voice in enumerate(voices)
        for i in range(each)
    }


def spoken(voice: str, text: str) -> np.ndarray:
    """Let espeak-ng or flite speak a text."""
    program, name = voice.split()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "said.wav"
        words = ["-v", name, "-w", path, text] if program == "espeak-ng" else ["-voice", name, "-t", text, "-o", path]
        subprocess.run([program, *words], check=True, capture_output=True)
        with wave.open(str(path)) as file:
            rate, stored = file.getframerate(), file.readframes(file.getnframes())
    x = np.frombuffer(stored, "<i2") / 32768
    return resampled(x, rate, RATE).astype(np.float32)


def install() -> None:
    """Bring espeak-ng and flite where they are missing, as far as the machine lets us."""
    missing = [name for name in ("espeak-ng", "flite") if shutil.which(name) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.getuid() != 0:
        raise SystemExit(f"Synthetic voices come from {' and '.join(missing)}: install them with your package manager.")
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True)
