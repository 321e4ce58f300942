"""What a recording masks, as a set: its scale, its ball, and an attack that ends in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.modalities.wav import Wav16
from unfooled.models.speech_zoo import read_tones
from unfooled.sets.grammar import parse_sets
from unfooled.sets.grid import settle
from unfooled.sets.inaudible import ABOVE, Inaudible
from unfooled.sets.masking import masking_threshold, power, share_above, spectrum, waveform
from unfooled.zoo import tones

RATE = 8_000
LENGTHS = torch.tensor([6000, 5000, 6000])


def recordings() -> Batch:
    time = torch.arange(6000) / RATE
    chords = [0.3 * torch.sin(2 * math.pi * hertz * time) * torch.sin(3 * time) for hertz in (400, 900, 2000)]
    values = torch.stack(chords) * (torch.arange(6000) < LENGTHS.unsqueeze(1))
    return Batch((values * 32768).round() / 32768, torch.arange(3), LENGTHS)


def noise(x: Batch, size: float, seed: int = 1) -> Tensor:
    drawn = torch.randn(x.values.shape, generator=torch.Generator().manual_seed(seed))
    return size * drawn * (torch.arange(6000) < LENGTHS.unsqueeze(1))


def test_a_spectrum_leads_back_to_its_waveform() -> None:
    for samples in (1, 700, 2048, 5000):
        x = torch.randn(3, samples, dtype=torch.float64, generator=torch.Generator().manual_seed(samples))
        assert torch.allclose(waveform(spectrum(x), samples), x, atol=1e-12)


def test_its_distance_is_where_a_hundredth_lies_above() -> None:
    x, within = recordings(), Inaudible(0, RATE)
    delta = noise(x, 0.01)
    far = within.distance(x.holding(x.values + delta), x)
    for row in range(3):
        clean, change = (one[row, : LENGTHS[row]].double() for one in (x.values, delta))
        threshold = masking_threshold(clean, RATE) * float(far[row]) ** 2
        assert share_above(change, threshold) == pytest.approx(ABOVE, rel=1e-3)
    twice = within.distance(x.holding(x.values + 2 * delta), x)
    assert torch.allclose(twice, 2 * far, rtol=1e-4)
    assert within.distance(x, x).tolist() == [0, 0, 0]


@pytest.mark.parametrize("decibels", [0, 20, -10])
def test_a_projection_is_inside_and_stays(decibels: float) -> None:
    x, within = recordings(), Inaudible(decibels, RATE)
    for size in (1e-5, 0.01, 1.0):
        found = within.project(x.holding(x.values + noise(x, size)), x)
        assert within.contains(found, x).all()
        assert torch.equal(within.project(found, x).values, found.values)
        assert not (found.values - x.values)[1, 5000:].any()
    loud = within.project(x.holding(x.values + noise(x, 0.01)), x)
    shorter = (
        x.values + noise(x, 0.01) * (within.radius / within.distance(x.holding(x.values + noise(x, 0.01)), x))[:, None]
    )
    gaps = [(x.values + noise(x, 0.01) - one).norm(dim=1) for one in (loud.values, shorter)]
    assert (gaps[0] < gaps[1]).all(), "nearer than what is merely shortened"


def test_drawn_points_and_directions_have_their_size() -> None:
    x, within = recordings(), Inaudible(-6, RATE)
    corner = within.corner(x, Draws.of(0))
    assert torch.allclose(within.distance(corner, x), torch.full((3,), within.radius, dtype=torch.float64), rtol=1e-2)
    assert within.contains(within.start(x, Draws.of(0)), x).all()
    way = within.steepest(noise(x, 1.0), x, x)
    assert torch.allclose(within.distance(x.holding(x.values + way), x), torch.ones(3, dtype=torch.float64), rtol=1e-3)
    assert ((way * noise(x, 1.0)).sum(dim=1) > 0).all()
    crossed = within.cross(x, noise(x, 1.0), torch.tensor([0.1, 0.0, 0.2]))
    gained = ((crossed.values - x.values) * noise(x, 1.0)).sum(dim=1)
    assert torch.allclose(gained, torch.tensor([0.1, 0.0, 0.2]), atol=1e-4)


def test_no_row_hangs_on_its_neighbours() -> None:
    x, within = recordings(), Inaudible(0, RATE)
    together = within.project(x.holding(x.values + noise(x, 0.01)), x)
    alone = Batch(x.values[1:2, :5000], x.ids[1:2])
    found = within.project(alone.holding(alone.values + noise(x, 0.01)[1:2, :5000]), alone)
    assert torch.equal(found.values[0], together.values[1, :5000])


def test_it_survives_sixteen_bits() -> None:
    x, within = recordings(), Inaudible(0, RATE)
    found = within.project(x.holding(x.values + noise(x, 0.01)), x)
    settled = settle(found, x, within, 32768)
    assert within.contains(settled, x).all()
    assert (settled.values != x.values).any(dim=1).all()


def test_how_it_is_written() -> None:
    (one,) = parse_sets("inaudible:-3", -1, 1, rate=RATE)
    assert one == Inaudible(-3, RATE)
    assert str(one) == "inaudible:-3"
    (free,) = parse_sets("inaudible", -1, 1, rate=RATE)
    assert str(free) == "inaudible"
    assert free.resized(1.0) == Inaudible(0, RATE)  # type: ignore[attr-defined]
    assert free.resized(0.0).radius == 0  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="not a set"):
        parse_sets("inaudible:0")
    with pytest.raises(InputError, match="decibels"):
        Inaudible(math.nan, RATE)


def test_the_attack_ends_below_the_threshold() -> None:
    model, carrier = read_tones(), Wav16(tones.RATE)
    wave = carrier.unpack(carrier.pack(tones.spoken("turn all the lights off", 51)))
    attack = unfooled.attack_named("imperceptible", first=25, steps=45)
    results = unfooled.audit(model, ([wave], None), "transcribe:go_on inaudible:0", [attack], batch=1)
    rows = results["transcribe:go_on inaudible:0"]
    assert rows.broken.all()
    ((_, stored),) = rows.adversarial()
    delta = torch.from_numpy(stored.astype(np.float64) / 32768 - wave)
    assert float(power(delta).sum()) > 0
    assert share_above(delta, masking_threshold(torch.from_numpy(wave), tones.RATE)) <= ABOVE
    (checked,) = unfooled.verify(results, model)
    assert checked.confirmed
