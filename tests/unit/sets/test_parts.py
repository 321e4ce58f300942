"""Parts of recordings that alone may change: a beginning, pauses, a band of frequencies."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball
from unfooled.modalities.wav import Wav16
from unfooled.models.speech_zoo import read_tones
from unfooled.sets.band import Band
from unfooled.sets.grammar import parse_sets
from unfooled.sets.grid import settle
from unfooled.sets.loudness import snr
from unfooled.sets.stretches import First, Silence
from unfooled.zoo import tones

RATE = 8_000
LENGTHS = torch.tensor([1600, 1280, 1600])
REAL = torch.arange(1600) < LENGTHS.unsqueeze(1)


def recordings() -> Batch:
    """A tone with a pause of 40 ms in its middle; the second is shorter, the third silent but for a hum."""
    tone = 0.4 * torch.sin(2 * math.pi * 500 / RATE * torch.arange(1600)).repeat(3, 1)
    tone[:2, 640:960] *= 0.01
    tone[2, 160:] *= 0.001
    return Batch((tone * REAL * 32768).round() / 32768, torch.arange(3), LENGTHS)


def noise(x: Batch, size: float = 0.05) -> Batch:
    return x.holding(x.values + size * torch.randn(x.values.shape, generator=torch.Generator().manual_seed(1)))


def of(text: str) -> Ball:
    (one,) = parse_sets(text, -1, 1, rate=RATE)
    assert str(one) == text
    return one  # type: ignore[return-value]


def in_band(values: Tensor, low: int, high: int) -> Tensor:
    hertz = torch.fft.rfftfreq(values.shape[-1], 1 / RATE)
    return torch.fft.irfft(torch.fft.rfft(values.double()) * ((hertz >= low) & (hertz <= high)), n=values.shape[-1])


@pytest.fixture(params=["snr:20@first:0.05s", "db:-31@silence", "snr:20@300-1000Hz", "l2:0.3@300-1000Hz"])
def within(request: pytest.FixtureRequest) -> Ball:
    return of(str(request.param))


def test_points_are_inside_and_stay(within: Ball) -> None:
    x = recordings()
    for point in (noise(x), noise(x, 1e-4), within.start(x, Draws.of(0)), within.corner(x, Draws.of(0))):
        inside = within.project(point, x)
        assert within.contains(inside, x).all()
        assert torch.equal(within.project(inside, x).values, inside.values)
        assert torch.equal(inside.values[~REAL], x.values[~REAL])
    assert within.contains(within.start(x, Draws.of(1)), x).all()
    assert within.contains(within.corner(x, Draws.of(1)), x).all()
    assert not within.contains(noise(x), x).any()
    settled = settle(within.project(noise(x), x), x, within, 32768)
    assert within.contains(settled, x).all()
    assert (settled.values != x.values).any(dim=1).all()


def test_no_row_hangs_on_its_neighbours(within: Ball) -> None:
    x, one = recordings(), Batch(recordings().values[1:2, :1280], torch.tensor([1]), LENGTHS[1:2])
    together = within.project(noise(x), x).values[1, :1280]
    assert torch.equal(within.project(one.holding(noise(x).values[1:2, :1280]), one).values[0], together)
    radii = torch.tensor([0.5, 0.2, 0.1]) * within.radius
    for row in range(3):
        part = slice(row, row + 1)
        alone = within.resized(float(radii[row])).project(noise(x).rows(part), x.rows(part))
        assert torch.allclose(within.project(noise(x), x, radii).values[part], alone.values, atol=1e-6)


def test_stretches_are_where_they_say() -> None:
    x = recordings()
    first = First(0.05, RATE).allowed_in(x)
    assert first[:, :400].all()
    assert not first[:, 400:].any()
    quiet = Silence(RATE).allowed_in(x)
    assert quiet[0].nonzero().flatten().tolist() == list(range(640, 960))
    assert torch.equal(quiet[1, :1280], quiet[0, :1280])
    assert quiet[2].nonzero().flatten().tolist() == list(range(160, 1600))


def test_a_projection_on_a_band_is_the_nearest() -> None:
    """Away from the range's ends it is the band's part of the change, shortened: a subspace and a ball around it."""
    x = recordings().rows(slice(0, 1))
    within = Band(snr(20, -1, 1), 300, 1000, RATE)
    point = noise(x)
    passed = in_band(point.values - x.values, 300, 1000)
    limit = 0.1 * float(x.values.double().norm())
    expected = passed * min(1.0, limit / float(passed.norm()))
    assert torch.allclose((within.project(point, x).values - x.values).double(), expected, atol=1e-6)
    way = within.steepest(point.values - x.values, x, x).double()
    assert torch.allclose(way / way.norm(), passed / passed.norm(), atol=1e-6)
    crossed = within.cross(x, (point.values - x.values), torch.tensor([0.1])).values - x.values
    assert float((crossed * (point.values - x.values)).sum()) == pytest.approx(0.1, rel=1e-3)
    assert torch.allclose(in_band(crossed, 300, 1000), crossed.double(), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "why"),
    [("db:-31@300-1000Hz", "budget of power"), ("snr:20@1000-300Hz", "frequencies"),
     ("snr:20@4000-5000Hz", "frequencies"), ("snr:20@first:0s", "some seconds"), ("snr:20@later", "No mask")],
)  # fmt: skip
def test_what_is_no_part_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        parse_sets(text, -1, 1, rate=RATE)


def test_an_audit_within_a_band_can_be_checked_again() -> None:
    model, carrier = read_tones(), Wav16(tones.RATE)
    wave = carrier.unpack(carrier.pack(tones.spoken("stop", 52)))
    threats = ["misheard snr:5@300-1500Hz", "misheard snr:5@first:0.2s"]
    results = unfooled.audit(model, ([wave], None), threats, ["pgd"], batch=1)
    assert [results[one].broken.tolist() for one in threats] == [[True], [True]]
    assert all(one.confirmed for one in unfooled.verify(results, model))
    ((_, stored),) = results[threats[1]].adversarial()
    assert (stored[1600:] == (wave * 32768).astype(stored.dtype)[1600:]).all()
