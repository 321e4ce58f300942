"""Models of speech by name: `zoo:tones`."""

from __future__ import annotations

from collections.abc import Callable

from unfooled.zoo import tones

from .ctc import CTC
from .speech import SpeechModel, speech_model


def read_tones() -> SpeechModel:
    """Give the reader of the language of tones, trained on the spot in seconds."""
    return speech_model(tones.tone_reader(), CTC(tones.ALPHABET), tones.RATE, name="zoo:tones")


SPEECH: dict[str, Callable[[], SpeechModel]] = {"tones": read_tones}
"""Every model of speech of the zoo."""
