"""The recording of the demo: the known one, heard rightly by a real model, and long enough for its phrase."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from unfooled.core.batch import Batch
from unfooled.core.errors import MissingExtraError
from unfooled.core.transcripts import text_of
from unfooled.modalities.hearing import read_recording
from unfooled.models.speech_zoo import read_hama
from unfooled.zoo.speech.recording import recording


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="useful-moonshine-onnx"):
        recording()


@pytest.mark.real_model
def test_a_real_model_hears_it_and_the_phrase_of_the_demo_fits() -> None:
    if not all(map(find_spec, ("hama", "moonshine_onnx"))):
        pytest.skip("the packages of the demo's recording are not installed")
    model, read = read_hama(), read_recording(recording(), 16_000)
    assert read.done == ()
    answer = model.answer(Batch(torch.from_numpy(read.values)[None], torch.zeros(1, dtype=torch.int64)))
    heard = text_of(int(answer.labels[0]))
    assert heard.split()[0] == "ɛvə"
    (said,) = re.findall(r'--say "(.+?)"', (Path(__file__).parents[3] / "Makefile").read_text(encoding="utf-8"))
    model.refuse(said, len(read.values))
