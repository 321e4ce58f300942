"""Lossy codecs: a recording goes through the real MP3 or Opus before the model hears it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from unfooled.core.errors import InputError, MissingExtraError
from unfooled.defences.card import Card

from .each import before_each, handed_on, sound_card

_FORMS: dict[str, tuple[dict[str, str], tuple[int, int]]] = {
    "mp3": ({"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}, (8, 160)),
    "opus": ({"format": "OGG", "subtype": "OPUS"}, (6, 256)),
}
"""How libsndfile is asked for a codec, and between which kilobits a second its scale from 1 to 0 runs."""

_LEAST = {"mp3": 40, "opus": 8}
"""Kilobits a second; below, LAME takes another rate of samples, and Opus what is hardly speech."""


@dataclass(frozen=True)
class Codec:
    """Store a recording as MP3 or Opus and decode it again: the real codec answers, and gradients pass it by.

    Attributes:
        name: `mp3` (LAME and mpg123) or `opus` (libopus), as libsndfile brings them.
        kbps: Kilobits a second, from 40 (mp3) or 8 (opus) on.
        rate: Samples a second of the recordings; Opus knows 8,000, 12,000, 16,000, 24,000 and 48,000.

    Reference:
        Andronic, Kuerzinger, Chavez Rosas, Rigoll and Seeber. MP3 compression to diminish adversarial noise in
        end-to-end speech recognition. SPECOM 2020. https://arxiv.org/abs/2007.12892. Its gradient: Athalye,
        Carlini and Wagner. Obfuscated gradients give a false sense of security. ICML 2018, section 4.1.
        Differs from the paper: the model was not trained on decoded recordings.
    """

    name: str = "mp3"
    kbps: int = 64
    rate: int = 16_000
    card: ClassVar[Card] = sound_card("Andronic et al., SPECOM 2020; broken through itself here", differentiable=False)

    def __post_init__(self) -> None:
        if self.name not in _FORMS:
            raise InputError("There is no such codec", repr(self.name), f"Choose one of {', '.join(_FORMS)}.")
        least, most = _LEAST[self.name], _FORMS[self.name][1][1]
        if not least <= self.kbps <= most:
            raise InputError(
                f"{self.name} takes {least} to {most} kilobits a second", self.kbps, "Give for example 64."
            )

    def __call__(self, module: nn.Module) -> nn.Module:
        """See `Layered`.

        Raises:
            MissingExtraError: soundfile, which brings the codecs, is not installed.
        """
        _soundfile()
        return before_each(partial(_decoded, codec=self), module)

    def seen(self, defended: nn.Module) -> nn.Module:
        """See `Layered.seen`: gradients pass it by as it is."""
        return defended


def _decoded(values: Tensor, codec: Codec) -> Tensor:
    heard = _through(values.detach().double().cpu().numpy(), codec)
    return handed_on(values, torch.from_numpy(heard).to(values))


def _through(wave: np.ndarray, codec: Codec) -> np.ndarray:
    """Encode and decode a waveform (t,) in [-1, 1]; it keeps its length and its place."""
    form, (least, most) = _FORMS[codec.name]
    buffer, soundfile = io.BytesIO(), _soundfile()
    level = (most - codec.kbps) / (most - least)
    try:
        soundfile.write(buffer, wave, codec.rate, compression_level=level, **form)
    except (soundfile.SoundFileError, TypeError) as error:
        found = f"{codec.rate} samples a second: {error}"
        do = "Use a rate that the codec knows, and soundfile 0.13 or later."
        raise InputError(f"{codec.name} cannot hold this recording", found, do) from error
    buffer.seek(0)
    heard, rate = soundfile.read(buffer, dtype="float64")
    if rate != codec.rate or len(heard) != len(wave):
        found = f"{len(wave)} samples at {codec.rate} a second became {len(heard)} at {rate}"
        raise InputError(f"{codec.name} moved this recording", found, "Give more kilobits or samples a second.")
    return np.asarray(heard).clip(-1, 1)


def _soundfile() -> Any:
    try:
        return import_module("soundfile")
    except (ImportError, OSError) as error:  # OSError: the library that it brings does not load
        do = 'Run: pip install "unfooled[audio]"'
        raise MissingExtraError("Codecs of sound come with soundfile", "no package soundfile", do) from error
