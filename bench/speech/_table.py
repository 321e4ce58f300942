"""Success of phrases on recordings, in WAV files that were read back: one row a recording and phrase, for any model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import unfooled
from unfooled.auditing.export import export
from unfooled.core.rates import wilson
from unfooled.core.results import values_of
from unfooled.core.transcripts import normalised
from unfooled.modalities.sounds import Change, change_of
from unfooled.models.speech import SpeechModel


@dataclass(frozen=True)
class Line:
    """One recording that was to be heard as one phrase."""

    name: str
    phrase: str
    reached: bool  # in the file of 16 bits, by the deployed decoder, asked alone
    first: int  # passes until the first success; -1 without one
    cpu_seconds: float
    seconds: float  # how long the recording is
    change: Change | None
    found: np.ndarray | None  # the samples of the file, (t,); both are missing where nothing was found

    @property
    def rate(self) -> float:
        """Characters a second."""
        return len(normalised(self.phrase)) / self.seconds


def lines(
    model: SpeechModel,
    waves: Sequence[np.ndarray],
    names: Sequence[str],
    phrases: Sequence[str],
    *,
    within: str,
    attack: object,
) -> list[Line]:
    """Attack every recording (t,) with every phrase, one after the other, so that each has a bill of its own."""
    return [
        _line(model, wave, name, phrase, within=within, attack=attack)
        for wave, name in zip(waves, names, strict=True)
        for phrase in phrases
    ]


def _line(model: SpeechModel, wave: np.ndarray, name: str, phrase: str, *, within: str, attack: object) -> Line:
    threat = f"{unfooled.Transcribe(phrase).name} {within}"
    began = time.process_time()
    results = unfooled.audit(model, ([wave], None), threat, [attack], batch=1)
    spent = time.process_time() - began
    with tempfile.TemporaryDirectory() as place:
        export(results, place + "/files")
        checked = unfooled.verify(results, model, files=place + "/files")
    stored = [values_of(array) for _, array in results[threat].adversarial()]
    rate = model.sample_rate
    found = stored[0] if stored else None
    change = None if found is None else change_of(np.rint(wave * 32768) / 32768, found, rate)
    first = results.records["asked"][0].as_py()
    reached = any(one.confirmed for one in checked)
    return Line(name, phrase, reached, -1 if first is None else first, spent, len(wave) / rate, change, found)


def summary(rows: Sequence[Line]) -> str:
    """Say in one line how many phrases were reached and how quietly."""
    hits = [row for row in rows if row.reached and row.change is not None]
    low, high = wilson(len(hits), len(rows))
    text = f"{len(hits)} of {len(rows)} ({low:.0%} to {high:.0%})"
    if not hits:
        return text
    changes = [row.change for row in hits if row.change is not None]
    return (
        f"{text}, mean SNR {np.mean([one.snr for one in changes]):.1f} dB, peak "
        f"{np.mean([one.peak_db for one in changes]):.1f} dB, least Pearson {min(one.pearson for one in changes):.3%}, "
        f"{np.mean([row.cpu_seconds for row in rows]):.1f} CPU s each"
    )
