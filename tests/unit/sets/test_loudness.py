"""Budgets of loudness: exact for each recording, in the units that people use, through 16 bits."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.sets.grammar import parse_sets
from unfooled.sets.grid import settle
from unfooled.sets.loudness import Loudness, db, snr

LENGTHS = torch.tensor([60, 44, 7, 60, 31])


def recordings() -> Batch:
    values = torch.rand(5, 60, generator=torch.Generator().manual_seed(1)) * 2 - 1
    values *= torch.tensor([1.0, 0.3, 0.01, 0.0, 0.6]).unsqueeze(1)
    values *= torch.arange(60) < LENGTHS.unsqueeze(1)
    return Batch((values * 32768).round() / 32768, torch.arange(5), LENGTHS)


def noise(x: Batch, size: float, seed: int = 2) -> Batch:
    return x.holding(x.values + size * torch.randn(x.values.shape, generator=torch.Generator().manual_seed(seed)))


def gap(one: Batch, other: Batch) -> Tensor:
    """How far two points are apart where the recordings are real."""
    real = torch.arange(60) < LENGTHS.unsqueeze(1)
    return ((one.values - other.values).double() * real).norm(dim=1)


@pytest.fixture(params=["snr:30", "snr:3", "db:-31", "db:-6"])
def within(request: pytest.FixtureRequest) -> Loudness:
    (one,) = parse_sets(request.param, -1, 1)
    assert isinstance(one, Loudness)
    assert str(one) == request.param
    return one


def test_distances_are_the_formulas() -> None:
    x, loud = recordings(), noise(recordings(), 0.01)
    for row in (0, 1, 2, 4):
        clean = x.values[row, : LENGTHS[row]].double()
        delta = loud.values[row, : LENGTHS[row]].double() - clean
        ratio = 10 * math.log10(float(clean.square().sum() / delta.square().sum()))
        peak = 20 * math.log10(float(delta.abs().max())) - 20 * math.log10(float(clean.abs().max()))
        assert -20 * math.log10(float(snr(0).distance(loud, x)[row])) == pytest.approx(ratio)
        assert 20 * math.log10(float(db(0).distance(loud, x)[row])) == pytest.approx(peak)
    assert snr(30).distance(loud, x)[3].isinf()
    assert snr(30).distance(x, x).tolist() == [0.0] * 5


def test_a_projection_is_inside_and_nearest(within: Loudness) -> None:
    x = recordings()
    for size in (0.001, 0.05, 1.0):
        point = noise(x, size)
        found = within.project(point, x)
        assert within.contains(found, x).all()
        assert torch.equal(within.project(found, x).values, found.values)
        assert torch.equal(found.values[:, -1][LENGTHS < 60], x.values[:, -1][LENGTHS < 60])
        for draw in range(50):
            other = within.start(x, Draws.of(0, "s"), draw)
            assert within.contains(other, x).all()
            assert (gap(found, point) <= gap(other, point) + 1e-6).all()
    assert torch.equal(within.project(noise(x, 1.0), x).values[3], x.values[3]), "beside silence nothing may change"


def test_a_budget_holds_through_sixteen_bits(within: Loudness) -> None:
    x = recordings()
    settled = settle(within.project(noise(x, 0.2), x), x, within, 32768)
    assert within.contains(settled, x).all()
    assert torch.equal((settled.values * 32768).round() / 32768, settled.values)


def test_steepest_is_one_radius_long_and_climbs_most(within: Loudness) -> None:
    x = recordings()
    grad = torch.randn(x.values.shape, generator=torch.Generator().manual_seed(5))
    steepest = within.steepest(grad, x, x)
    loud = torch.tensor([0, 1, 2, 4])
    at = within.distance(x.holding(x.values + steepest), x)[loud]
    assert torch.allclose(at, torch.ones_like(at), rtol=1e-4)
    climbed = (steepest * grad).sum(dim=1)
    for draw in range(50):
        other = within.corner(x, Draws.of(0, "c"), draw)
        gained = ((other.values - x.values) * grad).sum(dim=1) / within.radius
        assert (climbed >= gained - 1e-4).all()


def test_radii_and_decibels_are_one_thing() -> None:
    assert snr(20).radius == pytest.approx(0.1)
    assert db(-20).radius == pytest.approx(0.1)
    for kind, unlimited in (("snr", -math.inf), ("db", math.inf)):
        (free,) = parse_sets(kind, -1, 1)
        assert free == Loudness(kind, unlimited)
        assert math.isinf(free.radius)
        assert str(free) == kind
        assert free.resized(0.1).radius == pytest.approx(0.1)
        assert str(free.resized(0.1)) == ("snr:20" if kind == "snr" else "db:-20")
        assert free.resized(0.0).radius == 0
        assert free.resized(0.0).resized(math.inf) == free
        x = recordings()
        assert torch.equal(free.project(noise(x, 0.2), x).values[3].clamp(-1, 1), noise(x, 0.2).values[3].clamp(-1, 1))
    x = recordings()
    radii = torch.tensor([0.5, 0.1, 0.0, 0.2, 0.01])
    together = snr(0).project(noise(x, 0.3), x, radii)
    for row, radius in enumerate(radii.tolist()):
        one = slice(row, row + 1)
        alone = snr(0).resized(radius).project(noise(x, 0.3).rows(one), x.rows(one))
        assert torch.allclose(together.values[one], alone.values, atol=1e-7)


def test_what_is_no_budget_is_refused() -> None:
    with pytest.raises(InputError, match=r"snr is a number.*snr:30"):
        parse_sets("snr:loud")
    with pytest.raises(InputError, match="decibels"):
        snr(math.nan)
