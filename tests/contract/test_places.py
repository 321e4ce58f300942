"""Laws of the sets that limit where inputs change and not how far, on pictures and ragged waveforms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import unfooled
from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball
from unfooled.sets.grammar import PLACES, parse_sets
from unfooled.sets.masked import Masked
from unfooled.zoo.small import linear

RANGES = {"pictures": (0.0, 1.0), "waveforms": (-1.0, 1.0)}
SIZES = {"patch": 3, "frame": 2}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of(inputs: str) -> Batch:
    low, high = RANGES[inputs]
    if inputs == "pictures":
        return Batch(torch.rand(6, 3, 7, 8, generator=generator(1)), torch.arange(6))
    lengths = torch.tensor([20, 3, 9, 7, 1, 12])
    values = torch.rand(6, 20, generator=generator(1)) * (high - low) + low
    return Batch(values * (torch.arange(20) < lengths.unsqueeze(1)), torch.arange(6), lengths)


@pytest.fixture(params=[(kind, masked, inputs) for kind in PLACES for masked in (False, True) for inputs in RANGES])
def case(request: pytest.FixtureRequest) -> tuple[Ball, Batch]:
    kind, masked, inputs = request.param
    within = PLACES[kind](SIZES[kind], *RANGES[inputs])
    x = batch_of(inputs)
    allowed = torch.rand(x.values.shape[1:], generator=generator(2)) < 0.8
    return Masked(within, Region.of(allowed)) if masked else within, x


def far_off(x: Batch, seed: int = 3) -> Batch:
    return x.holding(x.values + 2 * torch.randn(x.values.shape, generator=generator(seed)))


def test_points_drawn_and_projected_lie_inside_and_stay(case: tuple[Ball, Batch]) -> None:
    within, x = case
    for point in (within.start(x, Draws.of(0)), within.corner(x, Draws.of(0)), far_off(x)):
        inside = within.project(point, x)
        assert within.contains(inside, x).all()
        assert torch.equal(within.project(inside, x).values, inside.values)
    for drawn in (within.start(x, Draws.of(1)), within.corner(x, Draws.of(1))):
        assert within.contains(drawn, x).all()
        order = torch.tensor([3, 0, 5])
        again = within.start(x.rows(order), Draws.of(1)).values
        assert torch.equal(again, within.start(x, Draws.of(1)).values[order])


def test_the_next_size_is_not_inside(case: tuple[Ball, Batch]) -> None:
    within, x = case
    wider = within.resized(within.radius + 1).corner(x, Draws.of(0))
    far = within.distance(wider, x)
    assert torch.equal(within.contains(wider, x), far <= within.radius)
    assert (far > within.radius).any()


def test_a_radius_of_its_own_for_each_example(case: tuple[Ball, Batch]) -> None:
    within, x = case
    radii = [0, 1, 2, 3, 5, math.inf]
    point = far_off(x)
    together = within.project(point, x, torch.tensor(radii, dtype=torch.float64))
    for row, radius in enumerate(radii):
        alone = within.resized(radius).project(point.rows(slice(row, row + 1)), x.rows(slice(row, row + 1)))
        assert torch.equal(together.values[row], alone.values[0])


def test_the_patch_kept_is_the_nearest_of_all() -> None:
    """Every place of a patch is tried."""
    x = batch_of("pictures")
    within, point = PLACES["patch"](3, 0.0, 1.0), far_off(x)
    best = torch.full((6,), torch.inf)
    for top in range(5):
        for left in range(6):
            tried = x.values.clone()
            tried[:, :, top : top + 3, left : left + 3] = point.values[:, :, top : top + 3, left : left + 3].clamp(0, 1)
            best = torch.minimum(best, (tried - point.values).flatten(1).norm(dim=1))
    found = within.project(point, x).values
    assert torch.allclose((found - point.values).flatten(1).norm(dim=1), best)


def gain(x: Batch, x_adv: Tensor, slope: Tensor) -> Tensor:
    return ((x_adv - x.values) * slope).flatten(1).sum(dim=1)


def test_crossing_takes_the_smallest_that_is_enough(case: tuple[Ball, Batch]) -> None:
    within, x = case
    slope = torch.randn(x.values.shape, generator=generator(4))
    gap = torch.tensor([-1.0, 0.0, 0.3, 0.6, 1.0, 1e9])
    crossed = within.cross(x, slope, gap)
    assert torch.equal(crossed.values[:2], x.values[:2])
    size = within.distance(crossed, x)
    enough = gain(x, crossed.values, slope) >= gap - 1e-5
    assert enough[:5].any()
    for row in enough.nonzero().flatten().tolist()[2:]:
        one = x.rows(slice(row, row + 1))
        smaller = within.resized(float(size[row]) - 1)
        climb = smaller.steepest(slope[row : row + 1], one, one)
        assert gain(one, one.values + climb, slope[row : row + 1]) < gap[row], "no smaller one gains enough"


def test_steepest_is_the_best_corner_inside(case: tuple[Ball, Batch]) -> None:
    within, x = case
    slope = torch.randn(x.values.shape, generator=generator(4))
    climbed = x.holding(x.values + within.steepest(slope, x, x))
    assert within.contains(climbed, x).all()
    for draw in range(50):
        other = within.corner(x, Draws.of(0), draw)
        assert (gain(x, climbed.values, slope) >= gain(x, other.values, slope) - 1e-5).all()


@pytest.mark.parametrize("kind", PLACES)
def test_how_they_are_written(kind: str) -> None:
    small, large = parse_sets(f"{kind}:2,20")
    assert (str(small), str(large)) == (f"{kind}:2", f"{kind}:20")
    assert parse_sets(kind) == [PLACES[kind](math.inf, 0.0, 1.0)]
    with pytest.raises(InputError, match="whole pixels"):
        parse_sets(f"{kind}:2.5")


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize(
    "attack", ["pgd", "square", "rays", "sparse-rs", "patch-rs", "simba", "p-rgf", "nes", "pixel-corners"]
)
def test_attacks_stay_inside(attack: str, kind: str) -> None:
    x = batch_of("pictures")
    model = linear(torch.randn(4, 3, 7, 8, generator=generator(5)))
    y = model(x.values).argmax(dim=1)
    within = PLACES[kind](2, 0.0, 1.0)
    few = {"steps": 5} if attack == "pgd" else {"queries": 40}
    found = unfooled.attack(model, x.values, y, attack, within, **few)
    assert within.contains(found.x_adv, x).all()
    assert torch.equal(model(found.x_adv.values).argmax(dim=1) != y, found.reached)
