"""The speaker check: its windows, its front end, and the real weights on voices that differ."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch import Tensor

import unfooled
from unfooled.core.errors import InputError, MissingExtraError
from unfooled.zoo.speech import voice
from unfooled.zoo.speech.voice import CLASSES, SpeakerCheck, VoiceEncoder, speaker_check, voice_encoder

RATE = 16_000


@pytest.fixture(scope="module")
def check() -> SpeakerCheck:
    """One with weights by lot, that takes its first recording for the speaker."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        encoder = VoiceEncoder().eval().requires_grad_(False)
    return SpeakerCheck(encoder, encoder(hum(200, 2.0)), 10.0, 0.9).eval()


def hum(pitch: float, seconds: float, loud: float = 0.2) -> Tensor:
    """A buzz with all its overtones, (t,)."""
    time = torch.arange(int(seconds * RATE)) / RATE
    return loud * ((time * pitch) % 1 - 0.5)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(0.5, [0]), (1.6, [0]), (1.9, [0]), (2.1, [0, 77]), (3.2, [0, 77, 154]), (10.0, [77 * i for i in range(12)])],
)
def test_windows_follow_one_another_and_cover_what_is_said(seconds: float, starts: list[int]) -> None:
    """A window of 1.6 s begins every 0.77 s; the last one is dropped where less than 1.2 s of it is there."""
    assert voice._starts(int(seconds * RATE)) == starts


def test_the_front_end_gives_the_power_of_a_tone_to_its_band() -> None:
    encoder = VoiceEncoder()
    mel = encoder._mel(torch.sin(2 * torch.pi * 1000 * torch.arange(RATE) / RATE))
    assert mel.shape == (101, 40)
    band = int(mel[50].argmax())
    centres = (encoder.filters * torch.linspace(0, 8000, 201)[:, None]).sum(dim=0) / encoder.filters.sum(dim=0)
    assert abs(float(centres[band]) - 1000) < 60


def test_loud_and_quiet_are_one_voice_where_both_are_brought_up(check: SpeakerCheck) -> None:
    one, other = (check.encoder(hum(150, 2.0, loud)) for loud in (0.02, 0.002))
    assert torch.allclose(one, other, atol=1e-5)
    assert float(one.norm()) == pytest.approx(1)


def test_scores_say_which_side_of_the_threshold(check: SpeakerCheck) -> None:
    scores = check(hum(200, 2.0)[None])
    assert scores.shape == (1, len(CLASSES))
    assert float(scores[0, 1] - scores[0, 0]) == pytest.approx(10 * (1 - 0.9), abs=1e-4)


def test_each_is_heard_by_itself(check: SpeakerCheck) -> None:
    long, short = hum(200, 2.2), hum(90, 1.7)
    padded = torch.stack([long, torch.nn.functional.pad(short, (0, len(long) - len(short)))])
    together = check(padded, torch.tensor([len(long), len(short)]))
    assert torch.equal(together, torch.cat([check(long[None]), check(short[None])]))


def test_it_is_audited_as_any_classifier(check: SpeakerCheck) -> None:
    model = unfooled.wrap(check, classes=CLASSES, takes_lengths=True)
    waves, attack = [hum(200, 1.0).numpy(), hum(200, 0.9).numpy()], unfooled.attack_named("pgd", steps=2)
    found = unfooled.audit(model, (waves, torch.tensor([1, 1])), "snr:20", [attack], diagnose=False)
    assert found["snr:20"].clean_accuracy == 1
    x = hum(200, 1.0)[None].requires_grad_()
    (grad,) = torch.autograd.grad(check(x)[0, 0], x)
    assert (grad != 0).float().mean() > 0.95


def test_without_the_package_or_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="enrolled"):
        speaker_check([])
    with pytest.raises(InputError, match="threshold 2"):
        speaker_check([hum(200, 2.0)], threshold=2)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="Resemblyzer"):
        voice_encoder()


@pytest.mark.real_model
def test_the_real_weights_tell_a_voice_from_a_buzz(monkeypatch: pytest.MonkeyPatch) -> None:
    if not all(map(find_spec, ("resemblyzer", "moonshine_onnx"))):
        pytest.skip("the packages of the speaker check are not installed")
    from unfooled.modalities.hearing import read_recording
    from unfooled.zoo.speech.recording import recording

    said = torch.from_numpy(read_recording(recording(), RATE).values)
    first, second = said[: len(said) // 2], said[len(said) // 2 :]
    check = speaker_check([first])
    assert check(second[None]).argmax() == CLASSES.index("speaker")
    assert check(hum(150, 3.0)[None]).argmax() == CLASSES.index("stranger")
    monkeypatch.setattr(voice, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(InputError, match="SHA-256"):
        voice_encoder()
