"""Resemblyzer's speaker verification: whose voice this is, weights from a registry package, known by hash."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  its usual name

from unfooled.core.errors import InputError
from unfooled.zoo.pinned import pinned

from .log_mel import FFT, HOP, mel_filters

CLASSES = ("stranger", "speaker")
WEIGHTS_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"

_INSTALL = "pip install --no-deps Resemblyzer==0.1.4"
_MELS, _WIDTH, _LAYERS = 40, 256, 3
_FRAMES, _EVERY, _COVERED = 160, 77, 0.75
"""Frames of a window, frames from one window to the next, and the share of the last one that must lie in the clip."""

_LOUDNESS = 10 ** (-30 / 20)
"""Root mean square that quieter recordings are brought to."""


class VoiceEncoder(nn.Module):
    """Turn one recording (t,) in [-1, 1] at 16 kHz into a voice, (256,) of length 1.

    Reference:
        Wan, Wang, Papir and Lopez Moreno. Generalized end-to-end loss for speaker verification. ICASSP 2018.
        https://arxiv.org/abs/1710.10467, sections 2.1 and 3. Weights: the package Resemblyzer 0.1.4.
        Differs from the package: long silences are not cut out.
    """

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(_MELS)).float(), persistent=False)
        self.lstm = nn.LSTM(_MELS, _WIDTH, _LAYERS, batch_first=True)
        self.linear = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Give the voice: the mean of those of windows of 1.6 s."""
        loudness = x.square().mean().clamp(min=1e-12).sqrt()
        louder = x * (_LOUDNESS / loudness).clamp(min=1)
        starts = _starts(len(x))
        room = max(0, (starts[-1] + _FRAMES) * HOP - len(x))
        mel = self._mel(F.pad(louder, (0, room)))
        _, (hidden, _) = self.lstm(torch.stack([mel[start : start + _FRAMES] for start in starts]))
        each = F.normalize(self.linear(hidden[-1]).relu(), dim=1)
        voice: Tensor = F.normalize(each.mean(dim=0), dim=0)
        return voice

    def _mel(self, x: Tensor) -> Tensor:
        """Give mel power (1 + t // 160, 40)."""
        spectra = torch.fft.rfft(F.pad(x, (FFT // 2, FFT // 2)).unfold(0, FFT, HOP) * self.window)
        power: Tensor = (spectra.real.square() + spectra.imag.square()) @ self.filters
        return power


class SpeakerCheck(nn.Module):
    """Tell whether recordings (b, t), each by itself, are of the enrolled speaker: scores (b, 2) of `CLASSES`.

    Attributes:
        threshold: Cosine of two voices from which they count as one.
    """

    speaker: Tensor

    def __init__(self, encoder: VoiceEncoder, speaker: Tensor, scale: float, threshold: float) -> None:
        super().__init__()
        self.encoder, self.scale, self.threshold = encoder, scale, threshold
        self.register_buffer("speaker", speaker)

    def forward(self, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Give scores; `lengths` (b,) where recordings of several lengths share a pass."""
        ends = [values.shape[1]] * len(values) if lengths is None else lengths.tolist()
        alike = torch.stack([self.encoder(row[:end]) @ self.speaker for row, end in zip(values, ends, strict=True)])
        lead = self.scale * (alike - self.threshold)
        return torch.stack((-lead / 2, lead / 2), dim=1)


def voice_encoder() -> tuple[VoiceEncoder, float]:
    """Build the encoder in evaluation mode, and give the scale of cosines that it was trained with.

    Raises:
        MissingExtraError: The package Resemblyzer is not installed.
        InputError: Its weights are not the ones that are known.
    """
    path = pinned("resemblyzer", "pretrained.pt", WEIGHTS_SHA256, _INSTALL)
    stored = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    scale = float(stored.pop("similarity_weight"))
    del stored["similarity_bias"]  # a threshold takes its place
    with torch.random.fork_rng(devices=[]):  # building it draws weights that are thrown away
        encoder = VoiceEncoder()
    encoder.load_state_dict(stored)
    return encoder.eval().requires_grad_(requires_grad=False), scale


def speaker_check(enrolled: Sequence[Tensor], threshold: float = 0.75) -> SpeakerCheck:
    """Enrol a speaker by recordings, and give the classifier that lets them in.

    Args:
        enrolled: Recordings of the speaker, (t,) each in [-1, 1] at 16 kHz.
        threshold: Cosine from which a voice is theirs, above 0 to below 1.

    Raises:
        InputError: There are no recordings, or this is no such threshold; or as by `voice_encoder`.
        MissingExtraError: As by `voice_encoder`.
    """
    if not enrolled or not 0 < threshold < 1:
        found = f"{len(enrolled)} recordings, threshold {threshold:g}"
        raise InputError("A speaker is enrolled by recordings and a threshold", found, "Give 1 or more, and 0.75.")
    encoder, scale = voice_encoder()
    with torch.no_grad():
        speaker = F.normalize(torch.stack([encoder(one) for one in enrolled]).mean(dim=0), dim=0)
    return SpeakerCheck(encoder, speaker, scale, threshold).eval()


def _starts(samples: int) -> list[int]:
    """Give the first frame of each window of a recording; the last window goes where too little of it is covered."""
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - _FRAMES + _EVERY + 1), _EVERY))
    covered = (samples - starts[-1] * HOP) / (_FRAMES * HOP)
    return starts[:-1] if covered < _COVERED and len(starts) > 1 else starts
