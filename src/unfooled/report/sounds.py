"""A recording before and after, for the page: players, waveforms, spectrograms, and what was heard."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import numpy as np

from unfooled.modalities.pictures import png_bytes
from unfooled.modalities.sounds import Change, change_of, magnified_sound, spectrogram, waveform_picture
from unfooled.modalities.wav import Wav16, wav_bytes


@dataclass(frozen=True)
class Track:
    """One recording inside the page; each part is a data URI.

    Attributes:
        audio: A WAV file of 16 bits.
        wave: Its waveform, a PNG.
        spectrum: Its spectrogram, a PNG.
    """

    audio: str = field(repr=False)
    wave: str = field(repr=False)
    spectrum: str = field(repr=False)

    @property
    def characters(self) -> int:
        """Room that it takes."""
        return len(self.audio) + len(self.wave) + len(self.spectrum)


@dataclass(frozen=True)
class Sound:
    """A recording before and after.

    Attributes:
        clean: As it was given.
        adversarial: After the attack.
        difference: What changed, as loud as the recording.
        factor: How many times that was magnified.
        change: How large the change is.
        seconds: How long it is.
    """

    clean: Track
    adversarial: Track
    difference: Track
    factor: float
    change: Change
    seconds: float

    @property
    def characters(self) -> int:
        """Room that it takes."""
        return sum(track.characters for track in (self.clean, self.adversarial, self.difference))

    @property
    def sentence(self) -> str:
        """How much was changed."""
        one = self.change
        return (
            f"signal-to-noise ratio {one.snr:.1f} dB, peak {one.peak_db:.1f} dB, correlation {one.pearson:.5f}, "
            f"{self.seconds:.1f} s"
        )


def sound(x: np.ndarray, x_adv: np.ndarray, carrier: Wav16) -> Sound:
    """Put a recording (t,) int16 before and after an attack into the page."""
    clean, other = carrier.unpack(x), carrier.unpack(x_adv)
    difference, factor = magnified_sound(clean, other)
    before, after, changed = (track(stored, carrier) for stored in (x, x_adv, carrier.pack(difference)))
    return Sound(before, after, changed, factor, change_of(clean, other, carrier.rate), len(x) / carrier.rate)


def track(stored: np.ndarray, carrier: Wav16) -> Track:
    """Put a recording (t,) int16 into the page."""
    values = carrier.unpack(stored)
    pictures = (png_bytes(picture) for picture in (waveform_picture(values), spectrogram(values)))
    wave, spectrum = (_uri("image/png", picture) for picture in pictures)
    return Track(_uri("audio/wav", wav_bytes(stored, carrier.rate)), wave, spectrum)


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
