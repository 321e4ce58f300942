"""CTC against every alignment there is, and the adapter of models that hear."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.core.answer import UNREADABLE
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError, ModelError
from unfooled.core.transcripts import label_of
from unfooled.models.ctc import CTC, aligned
from unfooled.models.speech import SpeechModel, check_hears

LETTERS = ("", "a", "b", " ")


class Slices(nn.Module):
    """Four samples are the scores of one frame."""

    def forward(self, values: Tensor) -> Tensor:
        return values[:, : values.shape[1] // 4 * 4].unflatten(1, (-1, 4)) * 5


def hearing(**more) -> SpeechModel:
    return unfooled.speech_model(Slices().eval(), CTC(LETTERS, **more), 8000)


def batch(values: Tensor, lengths: list[int] | None = None) -> Batch:
    return Batch(values, torch.arange(len(values)), None if lengths is None else torch.tensor(lengths))


def merged(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in itertools.groupby(path) if token)


def random_scores(frames: int, seed: int) -> Tensor:
    return torch.randn(frames, 4, generator=torch.Generator().manual_seed(seed)).log_softmax(dim=1)


@pytest.mark.parametrize("phrase", [(), (1,), (1, 1), (1, 2), (3, 1, 3), (2, 2, 2)])
def test_alignment_and_likelihood_are_those_of_all_paths(phrase: tuple[int, ...]) -> None:
    frames, writing = 5, CTC(LETTERS)
    for seed in range(5):
        scores = random_scores(frames, seed)
        paths = [path for path in itertools.product(range(4), repeat=frames) if merged(path) == phrase]
        weights = torch.stack([scores[torch.arange(frames), list(path)].sum() for path in paths])
        found = aligned(scores.numpy(), np.array(phrase, np.int64), 0)
        assert merged(tuple(found.tolist())) == phrase
        assert float(scores[torch.arange(frames), found].sum()) == pytest.approx(float(weights.max()), abs=1e-5)
        tokens = torch.full((1, frames), -1)
        tokens[0, : len(phrase)] = torch.tensor(phrase)
        assert float(writing.likelihood(scores[None], tokens)) == pytest.approx(float(weights.logsumexp(0)), abs=1e-5)


def test_too_few_frames_align_to_the_beginning() -> None:
    found = aligned(random_scores(2, 0).numpy(), np.array([1, 2, 1]), 0)
    assert merged(tuple(found.tolist())) == (1, 2)[: len(merged(tuple(found.tolist())))]


def test_leads_are_positive_exactly_where_greedy_decoding_writes_the_phrase() -> None:
    model, seen = hearing(), set()
    for seed in range(300):
        x = batch(torch.rand(1, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1)
        led = model.toward({0: "ab"})
        outputs = led.outputs(x)
        path = outputs[0, :, :-1].argmax(dim=1).tolist()
        reached = merged(tuple(path)) == (1, 2)
        assert bool((model.leads(outputs) > 0).all()) == reached
        assert led.read(outputs).texts == model.answer(x).texts
        seen.add(reached)
    assert seen == {True, False}


def test_recordings_of_several_lengths_are_heard_as_if_alone() -> None:
    """Padding and neighbours change no bit of score, likelihood or gradient."""
    values = torch.rand(3, 40, generator=torch.Generator().manual_seed(3)) * 2 - 1
    lengths = [40, 24, 16]
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    for model in (hearing(), unfooled.speech_model(_Framed().eval(), CTC(LETTERS, takes_lengths=True), 8000)):
        led = model.toward({0: "ab", 1: "b a", 2: "b"})
        together = values.clone().requires_grad_()
        outputs = led.outputs(batch(together, lengths))
        likely = model.likelihood(outputs)
        (grad,) = torch.autograd.grad(likely.sum(), together)
        for row, length in enumerate(lengths):
            alone = values[row : row + 1, :length].clone().requires_grad_()
            one = Batch(alone, torch.tensor([row]), torch.tensor([length]))
            likelihood = model.likelihood(led.outputs(one))
            assert torch.equal(likelihood[0], likely[row])
            assert torch.equal(torch.autograd.grad(likelihood.sum(), alone)[0][0], grad[row, :length])
            assert not grad[row, length:].any()
            assert model.answer(one).texts[0] == model.answer(batch(values, lengths)).texts[row]
            assert (model.leads(outputs)[row, length // 4 :] > 100).all()


class _Framed(Slices):
    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(values), lengths // 4


def test_what_cannot_be_written_is_named() -> None:
    model = hearing()
    with pytest.raises(InputError, match=r"'x', 'z' in 'bazx'.*It writes ' ab'"):
        model.refuse("bazx", 4000)
    with pytest.raises(InputError, match=r"7 characters that take 9 frames, where there are 5.*at most about 3"):
        model.refuse("ab aabb", 20)
    model.refuse("ab ab", 20)
    upper = CTC(("", "A", "B", "AB", " "))
    assert upper.spelled("Ab ba") == [3, 4, 2, 1]
    assert CTC(LETTERS, spell=lambda phrase: [len(phrase)]).spelled("abc") == [3]


def test_the_deployed_decoder_decides() -> None:
    x = batch(torch.tensor([[-1.0, 1, 0, 0] * 4]))
    assert hearing().answer(x).texts == ["a"]
    assert hearing(decode=lambda scores: f"b {len(scores)}").answer(x).texts == ["b 4"]
    unsure = batch(torch.zeros(1, 16))
    assert not hearing().answer(unsure).firm.any()
    broken = hearing().writing.read(torch.full((1, 2, 4), torch.nan), None)
    assert broken.labels.tolist() == [UNREADABLE]


def test_a_model_that_cannot_be_used_is_refused() -> None:
    x = batch(torch.zeros(2, 16))
    assert check_hears(hearing(), x) > 2**62
    with pytest.raises(ModelError, match="training mode"):
        check_hears(unfooled.speech_model(Slices().train(), CTC(LETTERS)), x)
    with pytest.raises(ModelError, match="alphabet"):
        unfooled.speech_model(Slices().eval(), CTC(("", "a"))).answer(x)
    with pytest.raises(ModelError, match="pass over a recording failed"):
        check_hears(unfooled.speech_model(nn.Linear(3, 4).eval(), CTC(LETTERS)), x)
    with pytest.raises(ModelError, match="blank"):
        CTC(LETTERS, blank=4)
    with pytest.raises(ModelError, match="torch module"):
        unfooled.speech_model(lambda values: values, CTC(LETTERS))
    with pytest.raises(ModelError, match="no phrase"):
        hearing().toward({5: "a"}).outputs(x)


class Parrot(nn.Module):
    """Writes tokens 1 to 3: the sum of a third of the samples says which; stops with 0."""

    def forward(self, values: Tensor, lengths: Tensor | None, tokens: Tensor) -> Tensor:
        place = values.unflatten(1, (3, -1)).sum(dim=2)[:, : tokens.shape[1]]
        steps = torch.arange(4.0).view(1, 1, 4)
        scores = -(place.unsqueeze(2) - steps).abs()
        ends = torch.tensor([5.0, 0, 0, 0]).expand(len(values), max(0, tokens.shape[1] - 3), 4)
        return torch.cat([scores, ends], dim=1)

    def transcribe(self, values: Tensor, lengths: Tensor | None) -> list[list[int]]:
        tokens = self(values, lengths, torch.zeros(len(values), 4)).argmax(dim=2).tolist()
        return [[*itertools.takewhile(bool, row), 0] for row in tokens]


def test_a_model_that_is_fed_what_it_wrote() -> None:
    letters = " abc"
    writing = unfooled.Dictation(
        lambda phrase: [*map(letters.index, phrase), 0], lambda tokens: "".join(letters[one] for one in tokens if one)
    )
    model = unfooled.speech_model(Parrot().eval(), writing)
    x = batch(torch.tensor([[1.0, 2, 3], [2.1, 1, 0], [1, 2, 2.4]]))
    assert model.answer(x).texts == ["abc", "ba", "abb"]
    led = model.toward({0: "abc", 1: "b", 2: "abc"})
    outputs = led.outputs(x)
    leads, read = model.leads(outputs), led.read(outputs)
    assert leads.shape == (3, 4)
    assert leads[1, 2:].isinf().all()
    assert (leads > 0).all(dim=1).tolist() == [True, False, False]
    assert read.labels.tolist() == [label_of("abc"), -2, -2]
    wanted = Parrot()(x.values, None, torch.zeros(3, 4)).log_softmax(dim=2)
    assert float(model.likelihood(outputs)[1]) == pytest.approx(float(wanted[1, 0, 2] + wanted[1, 1, 0]))
    assert model.read(torch.zeros(1, 4, 4)) is None
    with pytest.raises(InputError, match="phrase alone"):
        model.outputs(x)
