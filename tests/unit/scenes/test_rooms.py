"""Rooms, against what a wall, a distance and an empty room do; and a model that hears what is played in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.transcripts import label_of
from unfooled.modalities.wav import Wav16
from unfooled.models.over_the_air import OverTheAir
from unfooled.models.speech_zoo import read_tones
from unfooled.scenes.rooms import SPEED, Room, played
from unfooled.zoo import tones

RATE = 8_000
HERE, THERE = torch.tensor([1.0, 1.5, 1.2]), torch.tensor([3.0, 1.5, 1.2])


def dry(count: int = 1) -> torch.Tensor:
    return torch.eye(1, 8, dtype=torch.float64).repeat(count, 1)


def test_a_room_that_takes_all_sound_has_no_echo() -> None:
    heard = Room((4, 3, 2.5), 1.0).response(HERE, THERE, RATE)
    assert torch.equal(heard[:1], torch.ones(1, dtype=torch.float64))
    assert not heard[1:].any()


def test_the_first_echo_comes_from_the_nearest_wall() -> None:
    """The floor: 1.2 m below both, so the way is the root of 2^2 + 2.4^2, and each way has its loudness."""
    room = Room((40, 30, 25), 0.19, seconds=0.02)
    heard = room.response(HERE, THERE, RATE)
    way = (2**2 + 2.4**2) ** 0.5
    late = (way - 2) / SPEED * RATE
    first = heard[int(late) : int(late) + 2]
    assert not heard[1 : int(late)].any()
    assert float(first.sum() / heard[0]) == pytest.approx(0.9 * 2 / way, rel=1e-5)
    assert float(first[1] / first.sum()) == pytest.approx(late - int(late), abs=1e-4)


def test_softer_walls_let_echoes_die_sooner() -> None:
    ends = [Room((4, 3, 2.5), taken).response(HERE, THERE, RATE)[400:].square().sum() for taken in (0.2, 0.5, 0.8)]
    assert ends[0] > 10 * ends[1] > 100 * ends[2]


def test_places_are_drawn_by_a_key() -> None:
    room = Room((4, 3, 2.5), 0.5, seconds=0.05)
    one, again, other = (room.responses(2, RATE, Draws.of(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.allclose(one.square().sum(dim=1), torch.ones(2, dtype=torch.float64))
    with pytest.raises(InputError, match="larger than a metre"):
        Room((0.5, 3, 3), 0.5)


def test_playing_is_convolution() -> None:
    x, response = torch.rand(50, dtype=torch.float64), torch.tensor([1.0, 0.0, 0.5])
    expected = np.convolve(x.numpy(), response.numpy())[:50]
    assert np.allclose(played(x, response).numpy(), expected)


def ragged() -> Batch:
    carrier = Wav16(tones.RATE)
    waves = [carrier.unpack(carrier.pack(tones.spoken(text, 50 + i))) for i, text in enumerate(("go on", "stop it"))]
    lengths = torch.tensor([len(wave) for wave in waves])
    padded = [np.pad(wave, (0, int(lengths.max()) - len(wave))) for wave in waves]
    return Batch(torch.from_numpy(np.stack(padded)), torch.tensor([5, 9]), lengths)


def test_without_echoes_it_hears_what_the_model_hears() -> None:
    model, x = read_tones(), ragged()
    air = replace(model, writing=OverTheAir(model.writing, dry(3)))
    assert air.answer(x).labels.tolist() == model.answer(x).labels.tolist() == [label_of("go on"), label_of("stop it")]
    names = dict.fromkeys(x.ids.tolist(), "hello")
    outputs, led = (one.toward(names).outputs(x) for one in (model, air))
    assert torch.allclose(model.likelihood(outputs), air.likelihood(led), rtol=1e-4)
    assert torch.allclose(model.leads(outputs).repeat(1, 3), air.leads(led), atol=1e-3)


def test_no_answer_hangs_on_a_neighbour() -> None:
    model, x = read_tones(), ragged()
    places = Room((4, 3, 2.5), 0.7, seconds=0.05).responses(6, RATE, Draws.of(0))
    air = replace(model, writing=OverTheAir(model.writing, places, some=3, snr=20))
    outputs = air.outputs(x)
    alone = Batch(x.values[1:, : int(x.lengths[1])], x.ids[1:], x.lengths[1:])  # type: ignore[index]
    frames = air.outputs(alone).shape[1] // 3
    assert torch.equal(air.outputs(alone).view(3, frames, -1), outputs[1].view(3, -1, 29)[:, :frames])
    assert torch.equal(air.outputs(x.padded(5))[4], outputs[0])
    signed = x.holding(torch.where(x.values == 0, -0.0, x.values))
    assert torch.equal(air.outputs(signed), outputs), "a file knows no sign of zero"


def test_a_text_counts_where_enough_places_hear_it() -> None:
    model, x = read_tones(), ragged()
    mute = torch.cat([dry(2), torch.zeros(1, 8, dtype=torch.float64)])
    for quorum, firm in ((0.6, True), (0.7, False)):
        air = replace(model, writing=OverTheAir(model.writing, mute, quorum=quorum))
        answer = air.answer(x)
        assert answer.texts == ["go on", "stop it"]  # type: ignore[attr-defined]
        assert answer.firm.tolist() == [firm, firm]  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="some places"):
        OverTheAir(model.writing, mute, some=4)


def test_a_phrase_is_carried_through_rooms() -> None:
    model, carrier = read_tones(), Wav16(tones.RATE)
    wave = carrier.unpack(carrier.pack(tones.spoken("call a friend", 52)))
    places = Room((4, 3, 2.5), 0.7, seconds=0.05).responses(3, RATE, Draws.of(0))
    air = replace(model, writing=OverTheAir(model.writing, places))
    attack = unfooled.attack_named("carlini-wagner-audio", steps=45)
    results = unfooled.audit(air, ([wave], None), "transcribe:go_on snr", [attack], batch=1)
    assert results["transcribe:go_on snr"].broken.all()
    assert results.run["model"]["writing"]["places"]["count"] == 3
    assert all(one.confirmed for one in unfooled.verify(results, air))
