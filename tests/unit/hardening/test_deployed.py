"""A model behind a defence, as it would be deployed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.core.transcripts import label_of
from unfooled.defences.chain import read_defence
from unfooled.models.dictation import Dictation
from unfooled.models.speech_zoo import read_tones
from unfooled.zoo import tones


class Mean(nn.Module):
    """Scores a picture by the mean of its values, and of their negatives."""

    def forward(self, values: Tensor) -> Tensor:
        mean = values.flatten(1).mean(dim=1)
        return torch.stack([mean, -mean], dim=1)


class Decoding(Mean):
    """Writes the rounded sum of a recording's first ten samples, ten times as large."""

    def transcribe(self, values: Tensor, lengths: Tensor | None) -> list[list[int]]:
        return [[int((10 * row[:10].sum()).round())] for row in values]


def batch(values: Tensor) -> Batch:
    return Batch(values, torch.zeros(len(values), dtype=torch.int64))


def test_a_defence_sees_pictures_as_they_are_not_as_they_are_normalised() -> None:
    model = unfooled.wrap(Mean().eval(), unfooled.Preprocess(0.5, 0.25))
    x = torch.linspace(0, 1, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8)
    behind = unfooled.defended(model, "bit-depth:bits=1")
    wanted = (x.round() - 0.5) / 0.25
    assert torch.allclose(behind.answer(batch(x)).scores[:, 0], wanted.flatten(1).mean(dim=1))
    assert model.answer(batch(x)).scores[0, 0] != behind.answer(batch(x)).scores[0, 0]
    assert behind.describe()["name"] == "Mean with bit-depth:bits=1"


def test_a_defence_of_sound_knows_the_rate_of_its_model() -> None:
    x = torch.from_numpy(tones.spoken("go on", 3))[None]
    known = unfooled.defended(read_tones(), "band-pass:low=200,high=3000")
    told = read_defence("band-pass:low=200,high=3000,rate=8000").layered(read_tones().module)
    assert torch.equal(known.module(x)[0], told(x)[0])


def test_a_decoder_of_its_own_hears_what_the_defence_leaves() -> None:
    model = unfooled.speech_model(Decoding().eval(), Dictation(lambda text: [1], lambda tokens: str(tokens[0])), 8_000)
    x = torch.full((1, 20), 0.24)
    behind = unfooled.defended(model, "quantised:bits=2")
    heard = [one.answer(batch(x)) for one in (model, behind)]
    assert [int(one.labels[0]) for one in heard] == [label_of("24"), label_of("0")]


@pytest.mark.parametrize("text", ["n-fgsm", "mahalanobis", "jpeg+feature-squeezing", "ensemble:members=2"])
def test_what_has_to_learn_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="has to learn"):
        unfooled.defended(Mean().eval(), text)


def test_a_model_that_can_only_be_asked_has_no_place_for_one() -> None:
    model = unfooled.text_model(lambda texts: [[0.5, 0.5] for _ in texts])
    with pytest.raises(ModelError, match="stands before a torch module"):
        unfooled.defended(model, "jpeg")
