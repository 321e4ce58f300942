"""Models that hear twice: what they refuse, what an attacker climbs, and that both hearings can be led."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import unfooled
from unfooled.core.answer import UNREADABLE
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.transcripts import label_of
from unfooled.defences import SOUNDS, defence_named
from unfooled.models.ctc import CTC
from unfooled.models.doubting import Beginning, Doubting, Twice, depending, disagreeing
from unfooled.models.speech import SpeechModel
from unfooled.models.speech_zoo import read_tones
from unfooled.zoo import tones

SAID = "play some music"


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return read_tones()


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    return tones.spoken(SAID, 1012)


def batch(wave: np.ndarray) -> Batch:
    return Batch(torch.from_numpy(wave)[None], torch.zeros(1, dtype=torch.int64))


def deaf(module: torch.nn.Module) -> torch.nn.Module:
    """Lets a module hear silence."""
    return Beginning(module, 0.0)


def test_what_both_hear_counts_and_what_they_dispute_does_not(model: SpeechModel, wave: np.ndarray) -> None:
    for cautious in (disagreeing(model, SOUNDS["quantised"]), depending(model)):
        assert int(cautious.answer(batch(wave)).labels[0]) == label_of(SAID)
    assert int(disagreeing(model, deaf).answer(batch(wave)).labels[0]) == UNREADABLE
    assert int(disagreeing(model, deaf, limit=1.0).answer(batch(wave)).labels[0]) == label_of(SAID)


def test_a_beginning_is_compared_to_a_beginning(model: SpeechModel, wave: np.ndarray) -> None:
    cautious = depending(model, share=0.4)
    assert isinstance(cautious.writing, Doubting)
    assert cautious.writing.differing(cautious.module, batch(wave))[0] < 0.35
    whole = Doubting(CTC(tones.ALPHABET), share=1.0)
    assert whole.differing(cautious.module, batch(wave))[0] > 0.4


def test_a_beginning_ends_where_its_recording_says() -> None:
    given = Beginning(torch.nn.Identity(), 0.5)(torch.ones(2, 8))
    assert given.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]] * 2  # type: ignore[attr-defined]

    class Lengths(torch.nn.Module):
        def forward(self, values: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return values

    given = Beginning(Lengths(), 0.5)(torch.ones(2, 8), torch.tensor([8, 4]))
    assert given.sum(dim=1).tolist() == [4, 2]  # type: ignore[attr-defined]


def test_a_phrase_is_climbed_in_both_hearings() -> None:
    """With scores that are certain of `ab` in the plain hearing and of `a` in the other."""
    scores = torch.full((1, 4, 3), -20.0)
    for frame, token in enumerate((1, 2, 1, 0)):
        scores[0, frame, token] = 0.0
    writing, tokens = CTC(("", "a", "b")), torch.tensor([[1, 2, -1, -1]])
    assert float(Doubting(writing, share=0.5).likelihood(scores, tokens)[0]) == pytest.approx(0, abs=1e-4)
    assert float(Doubting(writing, share=1.0).likelihood(scores, tokens)[0]) < -15
    assert (Doubting(writing, share=0.5).leads(scores, tokens) > 0).all()
    assert not (Doubting(writing, share=1.0).leads(scores, tokens) > 0).all()


@pytest.mark.parametrize("kind", ["disagreeing", "depending"])
def test_who_knows_the_detector_gets_past_it(model: SpeechModel, wave: np.ndarray, kind: str) -> None:
    change = defence_named("quantised", bits=6)
    cautious = disagreeing(model, change) if kind == "disagreeing" else depending(model)
    threat, attack = "transcribe:go_on snr", unfooled.attack_named("carlini-wagner-audio", steps=60)
    answers = []
    for climbed in (model, cautious):
        found = unfooled.audit(climbed, ([wave], None), threat, [attack], batch=1)
        ((_, values),) = found[threat].adversarial()
        answers.append(int(cautious.answer(batch(values.astype(np.float32) / 32768)).labels[0]))
    assert answers[1] == label_of("go on")
    # a network that hears no further than a letter begins alike whatever follows: that detector is blind to it
    assert answers[0] == (UNREADABLE if kind == "disagreeing" else label_of("go on"))


def test_what_cannot_be_compared_is_refused(model: SpeechModel) -> None:
    with pytest.raises(InputError, match="share"):
        depending(model, share=1.0)
    dictated = unfooled.speech_model(torch.nn.Identity(), unfooled.Dictation(lambda text: [1], lambda tokens: ""))
    with pytest.raises(InputError, match="CTC"):
        depending(dictated)
    assert isinstance(depending(model).module, Twice)
