"""A language of tones and a small network that reads it: speech for tests and first steps, made in seconds.

Every letter is a chord of two tones, as a telephone's keys are, and so is the space. A network of the kind that reads
speech (a spectrogram, convolutions, CTC) is trained on generated sentences, so all about speech can be tried with
nothing to download.
"""

from __future__ import annotations

import string
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfooled.core.seeds import Draws, reseeded
from unfooled.core.transcripts import label_of
from unfooled.modalities.sources import Source
from unfooled.modalities.wav import Wav16

RATE = 8_000
ALPHABET = ("", " ", "'", *string.ascii_lowercase)
"""What the network writes; the blank is 0."""

SENTENCES = (
    "hello world",
    "what is the time",
    "play some music",
    "call me back at noon",
    "the weather is fine",
    "turn the lights off",
)
"""What `zoo:sentences` says."""

HOP = 160
_WINDOW, _MELS, _WIDTH = 320, 48, 48
_LETTER, _GAP = 480, 160  # samples of a letter and of the pause behind it
_LOW, _HIGH = (350, 500, 650, 800, 950, 1100), (1400, 1700, 2000, 2300, 2600)
_STEPS, _ROWS, _LETTERS = 160, 8, 12


class ToneReader(nn.Module):
    """Waveforms (b, t) in [-1, 1] at 8,000 samples a second to scores (b, f, 29) of 50 frames a second."""

    window: Tensor
    mel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(_WINDOW))
        self.register_buffer("mel", _triangles())
        self.layers = nn.Sequential(
            nn.Conv1d(_MELS, _WIDTH, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(_WIDTH, _WIDTH, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(_WIDTH, len(ALPHABET), 1),
        )

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        padded = functional.pad(values, (_WINDOW // 2, _WINDOW // 2))
        frames = padded.unfold(1, _WINDOW, HOP) * self.window
        power = torch.fft.rfft(frames, dim=2).abs().square()
        heard = torch.log10(power @ self.mel + 1e-4)
        scores: Tensor = self.layers(heard.transpose(1, 2)).transpose(1, 2)
        return scores


def _triangles() -> Tensor:
    """Give overlapping triangles over the frequencies from 200 to 3000, (bins, bands)."""
    centres = torch.linspace(200, 3000, _MELS)
    bins = torch.linspace(0, RATE / 2, _WINDOW // 2 + 1)
    return (1 - (bins.unsqueeze(1) - centres).abs() / (centres[1] - centres[0])).clamp(min=0)


def spoken(text: str, seed: int = 0) -> np.ndarray:
    """Speak a text of small letters, spaces and apostrophes in tones, (t,) float32: each seed a voice of its own."""
    voice = Draws.of(seed, "voice").uniform((6,), torch.tensor([0]), "of").double().numpy()[0]
    length = int(_LETTER * (0.85 + 0.3 * voice[0]))
    pieces = [_sounded(letter, length, voice) for letter in text]
    noise = Draws.of(seed, "noise").normal((sum(map(len, pieces)) + 2 * _GAP,), torch.tensor([0]), text).numpy()[0]
    silence = np.zeros(_GAP)
    wave = np.concatenate([silence, *pieces, silence]) + 0.004 * noise
    return np.asarray(wave.clip(-1, 1), np.float32)


def sentences() -> Source:
    """Speak some sentences, each in a voice of its own."""
    carrier = Wav16(RATE)
    waves = [carrier.unpack(carrier.pack(spoken(text, 1010 + place))) for place, text in enumerate(SENTENCES)]
    labels = np.array([label_of(text) for text in SENTENCES], np.int64)
    return Source(list(SENTENCES), labels, waves.__getitem__, carrier, ragged=True)


def _sounded(letter: str, length: int, voice: np.ndarray) -> np.ndarray:
    """Sound one letter: its chord, bent by the voice, swelling and fading, and the pause behind it."""
    number = ALPHABET.index(letter) - 1
    time = np.arange(length) / RATE
    swell = np.sin(np.pi * np.arange(length) / length) ** 0.5
    low, high = _LOW[number % len(_LOW)], _HIGH[number // len(_LOW)]
    bend = 1 + 0.02 * (voice[1] - 0.5)
    chord = (0.5 + voice[2]) * np.sin(2 * np.pi * low * bend * time) + (0.5 + voice[3]) * np.sin(
        2 * np.pi * high * bend * time
    )
    return np.concatenate([0.25 * (0.6 + voice[4]) * swell * chord, np.zeros(_GAP)]).clip(-1, 1)


def _lesson(step: int) -> tuple[Tensor, Tensor]:
    """Make sentences of random letters, (b, t), and the letter of each frame, (b, f)."""
    source = np.random.default_rng(step)
    waves, letters = [], []
    for row in range(_ROWS):
        text = "".join(source.choice(ALPHABET[1:], _LETTERS))
        wave = spoken(text, seed=1 + step * _ROWS + row)
        each = (len(wave) - 2 * _GAP) / _LETTERS
        at = (np.arange(len(wave) // HOP + 1) * HOP - _GAP) / each
        inside = (at >= 0) & (at < _LETTERS) & (at % 1 > 0.2) & (at % 1 < 0.6)
        numbers = np.array([ALPHABET.index(letter) for letter in text])
        letters.append(np.where(inside, numbers[at.astype(int).clip(0, _LETTERS - 1)], 0))
        waves.append(wave)
    width = max(map(len, waves))
    frames = max(map(len, letters))
    held = torch.from_numpy(np.stack([np.pad(wave, (0, width - len(wave))) for wave in waves]))
    return held, torch.from_numpy(np.stack([np.pad(row, (0, frames - len(row))) for row in letters]))


@cache
def tone_reader() -> ToneReader:
    """Train the network frame by frame: in a language that is generated, the letter of each frame is known."""
    with reseeded(0, torch.device("cpu")), torch.enable_grad():
        net = ToneReader()
        descent = torch.optim.Adam(net.parameters(), lr=4e-3)
        for step in range(_STEPS):
            waves, letters = _lesson(step)
            scores = net(waves)
            loss = functional.cross_entropy(scores.flatten(0, 1), letters[:, : scores.shape[1]].flatten())
            descent.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            descent.step()
            for group in descent.param_groups:
                group["lr"] = 4e-3 * (1 - step / _STEPS)
    return net.eval().requires_grad_(False)
