"""Laws of every set, plain and masked, on pictures and ragged waveforms: a new ball is tested by being listed."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from fuzz import THOUSAND, outcome
from hypothesis import given
from hypothesis import strategies as st
from oracles import largest_climb, linear_case, linear_distance, nearest_in_ball_and_box
from scipy.stats import kstest
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.largest import largest
from unfooled.core.region import Region
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball
from unfooled.goals import parse_goal
from unfooled.sets.grammar import BALLS, parse_sets
from unfooled.sets.grid import settle
from unfooled.sets.masked import Masked

SHAPES = {"pictures": (3, 6, 5), "waveforms": (40,)}
RANGES = {"pictures": (0.0, 1.0), "waveforms": (-1.0, 1.0)}
RADII = {"linf": 0.1, "l2": 0.7, "l1": 0.8, "l0": 3}
SLACK = 2e-6
N = 6

CASES = [(kind, masked, inputs) for kind in BALLS for masked in (False, True) for inputs in SHAPES]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of(inputs: str, place: str = "anywhere", n: int = N) -> Batch:
    low, high = RANGES[inputs]
    shape = (n, *SHAPES[inputs])
    values = torch.rand(shape, generator=generator(1)) * (high - low) + low
    if place == "corners":
        values = torch.where(torch.rand(shape, generator=generator(2)) < 0.5, low, high)
    if place == "middle":
        values = torch.full(shape, (low + high) / 2) + 0.01 * (values - (low + high) / 2)
    lengths = torch.tensor([40, 33, 1, 17, 39, 8])[:n] if inputs == "waveforms" else None
    return Batch(values, torch.arange(n) * 7919 + 5, lengths)


def mask_of(inputs: str) -> Tensor:
    """Half of an example, so that even the shortest waveform may change somewhere."""
    allowed = torch.rand(SHAPES[inputs], generator=generator(3)) < 0.5
    allowed.view(-1)[0] = True
    return allowed


def ball(kind: str, masked: bool, inputs: str, radius: float | None = None) -> Ball:
    within = BALLS[kind](RADII.get(kind, 0.5) if radius is None else radius, *RANGES[inputs])
    return Masked(within, Region.of(mask_of(inputs))) if masked else within


def outside(within: Ball, x: Batch, share: float, seed: int = 4) -> Batch:
    """Points of which most lie outside ball, range, region and padding."""
    noise = torch.randn(x.values.shape, generator=generator(seed))
    return x.holding(x.values + share * within.radius * noise)


def kind_of(within: Ball) -> str:
    return str(within).partition(":")[0]


def free(within: Ball, x: Batch) -> Tensor:
    """Mark what the set may change, as the test understands it."""
    allowed = torch.ones_like(x.values, dtype=torch.bool)
    if isinstance(within, Masked):
        allowed &= torch.from_numpy(within.region.allowed)
    valid = x.valid()
    return allowed if valid is None else allowed & valid


def moving(within: Ball, x: Batch, grad: Tensor) -> Tensor:
    """Mark what can climb along a gradient, as the test understands it: sparse sets heed the range of inputs."""
    stopped = ((grad > 0) & (x.values == within.high)) | ((grad < 0) & (x.values == within.low))
    return free(within, x) & (grad != 0) & (~stopped if kind_of(within) in ("l1", "l0") else True)


def pixels(values: Tensor) -> Tensor:
    """Values (..., c, h, w) or (..., t) as (..., c, pixels)."""
    return values.unsqueeze(-2) if values.shape[-1] == SHAPES["waveforms"][0] else values.flatten(-2)


def few(values: Tensor, count: int, weight: Tensor) -> Tensor:
    """Keep the `count` pixels of each row of which `weight` says most, zero elsewhere."""
    at = pixels(weight).amax(dim=-2).topk(min(count, pixels(weight).shape[-1]), dim=-1).indices
    kept = torch.zeros(pixels(values)[..., 0, :].shape).scatter(-1, at, 1.0).unsqueeze(-2)
    return (pixels(values) * kept).view_as(values)


def units(within: Ball, x: Batch, count: int, seed: int, only: Tensor | None = None) -> Tensor:
    """Directions (count, n, ...) of size 1 in the set's own norm, inside region and length; `only` limits them more.

    In L0 they are changes of one pixel inside the range, for there is no scaling them.
    """
    noise = torch.randn((count, *x.values.shape), generator=generator(seed))
    noise[: count // 2] = noise[: count // 2].sign()  # corners of the cube are the hard ones for Linf
    noise = noise * (free(within, x) if only is None else only)
    if kind_of(within) == "l0":
        changed = (x.values + 2 * noise).clamp(within.low, within.high) - x.values
        return few(changed, 1, torch.rand(noise.shape, generator=generator(seed)) * (noise != 0))
    if kind_of(within) == "l1":
        noise[::4] = few(noise[::4], 1, noise[::4].abs() * torch.rand(noise[::4].shape, generator=generator(seed)))
    origin = x.holding(torch.zeros_like(x.values))
    sizes = torch.stack([within.distance(x.holding(one), origin) for one in noise]).clamp(min=1e-12)
    return noise / sizes.view(count, -1, *[1] * (x.values.ndim - 1)).float()


def at(within: Ball, x: Batch, share: float) -> Batch:
    """Points at that share of the radius from x; in L0 the largest whole number below, or the next above it."""
    if kind_of(within) != "l0":
        return x.holding(x.values + share * within.radius * units(within, x, 2, 9)[1])
    count = int(within.radius) + (share > 1)
    change = torch.where(x.values > (within.low + within.high) / 2, -0.3, 0.3) * free(within, x)
    return x.holding(x.values + few(change, count, torch.rand(change.shape, generator=generator(9)) * (change != 0)))


def drawn_in(within: Ball, x: Batch, values: Tensor) -> Tensor:
    """Shorten changes that are too large; in L0 undo all but as many pixels, those that moved further more often."""
    if kind_of(within) == "l0":
        change = values - x.values
        luck = torch.rand(change.shape, generator=generator(10)).clamp(min=1e-6)
        return torch.where(few(torch.ones_like(change), int(within.radius), change.abs() * luck) > 0, values, x.values)
    shrunk = (within.radius / within.distance(x.holding(values), x).clamp(min=1e-12)).clamp(max=1) * (1 - 1e-6)
    wide = shrunk.view(-1, *[1] * (x.values.ndim - 1)).float()
    return x.values + wide * (values - x.values)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}{'-masked' if case[1] else ''}-{case[2]}")
def case(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["anywhere", "corners"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_projection_lands_inside_and_stays(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    for share in (0.5, 1.0, 3.0, 100.0):
        point = outside(within, x, share)
        projected = within.project(point, x)
        assert within.contains(projected, x).all()
        assert torch.equal(within.project(projected, x).values, projected.values), "not idempotent"
        assert (within.distance(projected, x) <= within.radius + SLACK).all()
        assert torch.equal(projected.values[~free(within, x)], x.values[~free(within, x)])
        assert projected.values.dtype == x.values.dtype
        assert projected.lengths is x.lengths


def test_projection_leaves_what_is_inside(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    for draw in range(5):
        inside = within.start(x, Draws.of(0, "inside"), draw)
        halfway = x.holding(x.values + (inside.values - x.values) * 0.5)
        for point in (halfway, x, within.project(inside, x)):
            assert torch.equal(within.project(point, x).values, point.values)


def test_projection_is_nearest_of_a_thousand(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    point = outside(within, x, 2.0)
    room = free(within, x)

    def gap(candidate: Batch) -> Tensor:
        return ((candidate.values - point.values).double() * room).flatten(1).norm(dim=1)

    best = within.project(point, x)
    for draw in range(20):
        assert (gap(best) <= gap(within.start(x, Draws.of(0, "far"), draw)) + 1e-6).all()
    many = x.rows(torch.arange(N).repeat_interleave(1000))
    near = torch.randn(many.values.shape, generator=generator(100)) * free(within, many) * (0.05 * within.radius)
    nudged = best.values.repeat_interleave(1000, dim=0) + near
    nudged = many.holding(torch.where(free(within, many), nudged.clamp(*RANGES[case[2]]), many.values))
    feasible = many.holding(drawn_in(within, many, nudged.values))
    assert within.contains(feasible, many).all(), "the test itself must stay inside"
    far = ((feasible.values - point.values.repeat_interleave(1000, dim=0)).double() * free(within, many)).flatten(1)
    assert (gap(best) <= far.norm(dim=1).view(N, 1000).amin(dim=1) + 1e-6).all()


@pytest.mark.parametrize("kind", ["l2", "l1"])
@pytest.mark.parametrize("place", ["anywhere", "corners"])
def test_projection_is_the_slow_one(kind: str, place: str) -> None:
    x = batch_of("pictures", place)
    for radius in (0.05, 0.7, 4.0):
        within = BALLS[kind](radius, 0.0, 1.0)
        for size in (0.2, 0.7, 7.0):
            point = outside(BALLS[kind](size, 0.0, 1.0), x, 1.0)
            projected = within.project(point, x).values
            for row in range(N):
                near, centre = (one.values[row].double().numpy().ravel() for one in (point, x))
                slow = nearest_in_ball_and_box(near, centre, radius, 0.0, 1.0, kind=kind)
                assert np.abs(projected[row].double().numpy().ravel() - slow).max() < 3e-6 * max(1, radius)


def test_l1_roundings_do_not_add_up() -> None:
    """All of 150,528 equal changes are rounded the same way; outwards it would carry the whole out of the set."""
    x = Batch(torch.full((8, 3, 224, 224), 0.7), torch.arange(8))
    radius = torch.linspace(11, 12, 8, dtype=torch.float64)
    within = BALLS["l1"](12.0, 0.0, 1.0)
    projected = within.project(x.holding(x.values - 0.3), x, radius)
    assert (within.distance(projected, x) <= radius).all()
    assert (within.distance(projected, x) > radius - 0.01).all()
    assert torch.equal(within.project(projected, x, radius).values, projected.values)


def test_the_largest_are_the_first_of_a_stable_sort() -> None:
    for width, kinds in ((1, 3), (5, 3), (33, 4), (33, 10**6)):
        values = torch.randint(0, kinds, (60, width), generator=generator(1)).float()
        count = torch.randint(0, width + 3, (60,), generator=generator(2)).double()
        count[0] = math.inf
        order = values.sort(dim=1, descending=True, stable=True).indices
        first = torch.zeros_like(values, dtype=torch.bool).scatter(1, order, torch.arange(width) < count.unsqueeze(1))
        assert torch.equal(largest(values, count), first)
        for row in (0, 7, 59):
            assert torch.equal(largest(values[row : row + 1], count[row : row + 1])[0], first[row])


@pytest.mark.parametrize("masked", [False, True])
def test_l0_projection_is_the_nearest_of_all(masked: bool) -> None:
    """Every choice of two pixels out of ten is tried."""
    x = Batch(torch.rand(8, 2, 2, 5, generator=generator(1)), torch.arange(8))
    x.values[4:] = (x.values[4:] > 0.5).float()
    point = x.holding(x.values + torch.randn(x.values.shape, generator=generator(2)))
    within: Ball = BALLS["l0"](2, 0.0, 1.0)
    allowed = torch.ones(2, 2, 5, dtype=torch.bool)
    if masked:
        allowed = torch.rand(2, 2, 5, generator=generator(3)) < 0.5  # some pixels may change in one colour alone
        within = Masked(within, Region.of(allowed))
    clamped = torch.where(allowed, point.values.clamp(0, 1), x.values)
    best = torch.full((8,), torch.inf)
    for pair in itertools.combinations(range(10), 2):
        kept = torch.zeros(10, dtype=torch.bool)
        kept[list(pair)] = True
        tried = torch.where(kept.view(2, 5), clamped, x.values)
        best = torch.minimum(best, (tried - point.values).flatten(1).norm(dim=1))
    found = within.project(point, x)
    assert torch.allclose((found.values - point.values).flatten(1).norm(dim=1), best)
    assert (within.distance(found, x) <= 2).all()


def test_l0_keeps_the_first_of_equal_pixels() -> None:
    x = Batch(torch.zeros(2, 1, 2, 3), torch.arange(2))
    point = x.holding(torch.tensor([[0.5, 0.5, 0.2, 0.5, 0.5, 0.5], [0.5, 0.2, 0.5, 0.5, 0.7, 0.5]]).view(2, 1, 2, 3))
    found = BALLS["l0"](3, 0.0, 1.0).project(point, x, torch.tensor([2.0, 3.0])).values.flatten(1)
    assert torch.equal(found, torch.tensor([[0.5, 0.5, 0, 0, 0, 0], [0.5, 0, 0.5, 0, 0.7, 0]]))


def test_a_radius_of_its_own_for_each_example(case: Any, place: str) -> None:
    """Project with radii (n,) is, row by row and bit for bit, the projection of the set resized."""
    within, x = ball(*case), batch_of(case[2], place)
    point = outside(within, x, 2.0)
    radii = [share * within.radius for share in (0.0, 0.4, 1.0, 0.999, 0.05, math.inf)]
    if kind_of(within) == "l0":
        radii = [0, 1, 2, 3, 7, math.inf]
    together = within.project(point, x, torch.tensor(radii, dtype=torch.float64))
    for row, radius in enumerate(radii):
        alone = within.resized(radius).project(point.rows(slice(row, row + 1)), x.rows(slice(row, row + 1)))
        assert torch.equal(together.values[row], alone.values[0])
        assert within.resized(radius).contains(alone, x.rows(slice(row, row + 1))).all()
    if kind_of(within) == "l0":
        down = within.project(point, x, torch.full((N,), 2.9))
        assert torch.equal(down.values, within.resized(2).project(point, x).values), "only whole pixels count"


def test_sizes_add_up_by_the_exponent(case: Any) -> None:
    """The size of a change is told by its two halves, taken apart pixel by pixel."""
    within, x = ball(*case), batch_of(case[2])
    change = outside(within, x, 0.3).values - x.values
    first = torch.arange(x.values.shape[-1]) % 2 == 0
    sizes = [within.distance(x.holding(x.values + part), x) for part in (change * first, change * ~first, change)]
    power = within.exponent
    if math.isinf(power):
        assert torch.equal(torch.maximum(*sizes[:2]), sizes[2])
    elif power == 0:
        assert torch.equal(sizes[0] + sizes[1], sizes[2])
    else:
        assert torch.allclose(sizes[0] ** power + sizes[1] ** power, sizes[2] ** power, rtol=1e-6)


def test_no_limit_but_the_range(case: Any, place: str) -> None:
    within, x = ball(*case, radius=math.inf), batch_of(case[2], place)
    low, high = RANGES[case[2]]
    point = x.holding(x.values + 3 * torch.randn(x.values.shape, generator=generator(6)))
    clamped = torch.where(free(within, x), point.values.clamp(low, high), x.values)
    for radius in (None, torch.full((N,), math.inf)):
        assert torch.equal(within.project(point, x, radius).values, clamped)
    for end in (low, high):
        assert within.contains(x.holding(torch.where(free(within, x), end, x.values)), x).all()
    assert not within.contains(x.holding(clamped + 1e-3 * (clamped == high)), x)[
        (clamped == high).flatten(1).any(1)
    ].any()
    if not case[1]:
        assert str(within) == case[0]
        assert parse_sets(str(within), low, high) == [within]
    smaller = within.resized(RADII[case[0]])
    assert smaller == ball(*case)
    assert smaller.resized(math.inf) == within


@pytest.mark.parametrize("draw", ["start", "corner"])
def test_draws_lie_inside_and_differ(case: Any, place: str, draw: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    drawing = getattr(within, draw)
    first, again, second, other = (
        drawing(x, Draws.of(0, "a"), 0),
        drawing(x, Draws.of(0, "a"), 0),
        drawing(x, Draws.of(0, "a"), 1),
        drawing(x, Draws.of(1, "a"), 0),
    )
    assert torch.equal(first.values, again.values)
    for drawn in (first, second, other):
        assert within.contains(drawn, x).all()
        assert torch.equal(drawn.values[~free(within, x)], x.values[~free(within, x)])
    longest = x.rows(torch.tensor([0]))
    for drawn in (second, other):
        assert not torch.equal(first.values[0], drawn.values[0])
    assert not torch.equal(first.values[0] - x.values[0], first.values[4] - x.values[4])  # each example its own
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert torch.equal(drawing(x.rows(order), Draws.of(0, "a"), 0).values, first.values[order])
    assert torch.equal(drawing(longest, Draws.of(0, "a"), 0).values, first.values[:1])


def test_draws_fill_the_set(case: Any) -> None:
    _, masked, inputs = case
    within, x = ball(*case), batch_of(inputs, "middle", n=1)
    starts = torch.stack([within.distance(within.start(x, Draws.of(0, "s"), i), x) for i in range(64)])
    corners = torch.stack([within.distance(within.corner(x, Draws.of(0, "c"), i), x) for i in range(64)])
    assert corners.max() <= within.radius + SLACK
    if not masked:
        assert corners.min() >= within.radius * 0.99, "a corner lies on the rim"
    assert starts.max() > 0.5 * within.radius
    if not masked:
        assert starts.min() < 0.995 * within.radius, "starts are not all on the rim"
    mean = torch.stack([within.start(x, Draws.of(0, "s"), i).values - x.values for i in range(64)]).mean()
    assert abs(float(mean)) < 0.05 * within.radius


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_starts_are_uniform_in_the_ball_of_what_is_real(kind: str) -> None:
    """The length over the radius, to the power of the number of real values, is uniform."""
    x = Batch(torch.zeros(400, 40), torch.arange(400), torch.tensor([3, 40]).repeat(200))
    within = BALLS[kind](0.5, -1.0, 1.0)
    start = within.start(x, Draws.of(0, "s"))
    share = within.distance(start, x) / 0.5
    for real, first in ((3, 0), (40, 1)):
        assert kstest(share[first::2].numpy() ** real, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("draw", ["start", "corner"])
def test_l1_draws_go_everywhere_alike(draw: str) -> None:
    """On the sphere of d values, 1 less the share of one value, to the power d - 1, is uniform, and so is its sign."""
    x = Batch(torch.zeros(600, 40), torch.arange(600), torch.tensor([3, 40]).repeat(300))
    change = getattr(BALLS["l1"](0.5, -1.0, 1.0), draw)(x, Draws.of(0, "s")).values.double()
    share = change.abs() / change.abs().sum(dim=1, keepdim=True)
    for real, first in ((3, 0), (40, 1)):
        for value in (0, real - 1):
            assert kstest((1 - share[first::2, value].numpy()) ** (real - 1), "uniform").pvalue > 1e-3
            assert abs(int(change[first::2, value].sign().sum())) < 4 * 300**0.5


def test_l0_draws_choose_pixels_alike() -> None:
    """All counts from 1 to the radius, all pixels and all values are as likely; padding is never drawn."""
    x = Batch(torch.full((2000, 8), 2.0), torch.arange(2000), torch.tensor([5, 8]).repeat(1000))
    within = BALLS["l0"](4, -1.0, 3.0)
    start, corner = within.start(x, Draws.of(0, "s")), within.corner(x, Draws.of(0, "s"))
    counts = within.distance(start, x)
    for drawn in (start, corner):
        moved = drawn.values != x.values
        for real, first in ((5, 0), (8, 1)):
            assert not moved[first::2, real:].any()
            each = moved[first::2, :real].sum(dim=0)
            assert each.min() > 0.85 * each.float().mean()
    assert [int((counts == count).sum()) // 100 for count in (1, 2, 3, 4)] == pytest.approx([5] * 4, abs=1)
    assert (within.distance(corner, x) == 4).all()
    assert set(corner.values[corner.values != 2].tolist()) == {-1.0, 3.0}
    assert kstest((start.values[start.values != 2].numpy() + 1) / 4, "uniform").pvalue > 1e-3


def test_steepest_beats_a_thousand(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    grad = torch.randn(x.values.shape, generator=generator(7))
    origin = x.holding(torch.zeros_like(x.values))
    steepest = within.steepest(grad, x, x)
    can = moving(within, x, grad)
    assert torch.allclose(
        within.distance(x.holding(steepest), origin).float(), can.flatten(1).any(1).float(), atol=1e-5
    )
    assert torch.equal(steepest * ~can, torch.zeros_like(steepest))
    climbed = (steepest * grad).flatten(1).sum(dim=1)
    if kind_of(within) == "l1":  # the best small step, not the best of no size at all
        near_end = (torch.where(grad > 0, within.high, within.low) - x.values).abs() < (within.high - within.low) / 50
        can &= ~near_end
    others = (units(within, x, 1000, 8, can) * grad).flatten(2).sum(dim=2)
    assert (climbed >= others.amax(dim=0) - 1e-5).all()
    assert torch.equal(within.steepest(torch.zeros_like(grad), x, x), torch.zeros_like(grad))
    assert within.steepest(grad * 1e-30, x, x).isfinite().all()
    assert torch.allclose(within.steepest(grad * 1e-30, x, x), steepest, atol=1e-3)


@pytest.mark.parametrize("masked", [False, True])
def test_l1_climbs_by_the_best_small_step(masked: bool) -> None:
    """A twentieth of the change so far goes to the largest slopes, one after the other, as far as each has room."""
    x = batch_of("pictures", "anywhere")
    within = ball("l1", masked, "pictures", 30.0)
    x_adv = within.corner(x, Draws.of(0, "small"))
    grad = torch.randn(x.values.shape, generator=generator(7))
    found = within.steepest(grad, x_adv, x)
    assert ((found != 0).flatten(1).sum(dim=1) > 1).any()
    for row in range(N):
        slopes = (grad[row] * free(within, x)[row]).double().numpy().ravel()
        at = x_adv.values[row].double().numpy().ravel()
        size = left = max(float(within.distance(x_adv, x)[row]) / 20, 1 / 50)
        step = np.zeros_like(slopes)
        for i in np.argsort(-np.abs(slopes)):
            room = 1 - at[i] if slopes[i] > 0 else at[i]
            step[i] = min(left, room) * np.sign(slopes[i])
            left -= abs(step[i])
        assert np.allclose(found[row].numpy().ravel(), step / size, atol=1e-6)


@pytest.mark.parametrize("place", ["anywhere", "corners"])
@pytest.mark.parametrize("radius", [0.9, 4.0, 12.0])
def test_l1_steps_climb_from_anywhere(radius: float, place: str) -> None:
    """Forty steps of a tenth come near the best point of a linear function, though they begin at a dense change."""
    shape = (8, 1, 28, 28)
    values = torch.rand(shape, generator=generator(1))
    x = Batch(values.round() if place == "corners" else values, torch.arange(8))
    grad = torch.randn(shape, generator=generator(2))
    within = BALLS["l1"](radius, 0.0, 1.0)
    room, slope = torch.where(grad > 0, 1 - x.values, x.values).flatten(1), grad.abs().flatten(1)
    order = slope.argsort(dim=1, descending=True)
    spent = room.gather(1, order).cumsum(dim=1)
    moved = torch.minimum(room.gather(1, order), (radius - spent + room.gather(1, order)).clamp(min=0))
    best = (moved * slope.gather(1, order)).sum(dim=1)
    x_t = within.start(x, Draws.of(0, "dense"))
    for _ in range(40):
        step = radius / 10 * within.steepest(grad, x_t, x)
        x_t = within.project(x.holding(x_t.values + step), x)
    assert (((x_t.values - x.values) * grad).flatten(1).sum(dim=1) > 0.98 * best).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("inputs", SHAPES)
@pytest.mark.parametrize("kind", ["l1", "l0"])
def test_what_has_come_to_its_end_moves_no_more(kind: str, inputs: str, masked: bool) -> None:
    """Step by step every value that may change goes where the gradient points, each once."""
    within, x = ball(kind, masked, inputs, math.inf), batch_of(inputs)
    grad = torch.randn(x.values.shape, generator=generator(7))
    x_t, moved = x, torch.zeros_like(free(within, x))
    for _ in range(90):
        step = within.steepest(grad, x_t, x)
        assert not (moved & (step != 0)).any()
        moved |= step != 0
        x_t = within.project(x.holding(x_t.values + 1000 * step), x)
    assert torch.equal(moved, free(within, x))
    assert torch.equal(x_t.values[moved], torch.where(grad > 0, within.high, within.low)[moved])


def test_sparsity_is_the_share_that_may_move(case: Any, place: str) -> None:
    """The steepest values alone move; in sets without use for it, sparsity changes nothing."""
    within, x = ball(*case), batch_of(case[2], place)
    grad = torch.randn(x.values.shape, generator=generator(7))
    for share in (1e-9, 0.1, 0.3, 1.0):
        sparse = within.steepest(grad, x, x, torch.full((N,), share, dtype=torch.float64))
        if kind_of(within) not in ("l1", "l0"):
            assert torch.equal(sparse, within.steepest(grad, x, x))
            continue
        can, strength = moving(within, x, grad), grad.abs()
        if kind_of(within) == "l0":
            strength = strength * torch.where(grad > 0, within.high - x.values, x.values - within.low)
            can, strength = pixels(can).any(dim=1), pixels(strength * can).sum(dim=1)
            moved = pixels(sparse != 0).any(dim=1)
            ends = x.values + sparse
            assert torch.allclose(ends[sparse != 0], torch.where(grad > 0, within.high, within.low)[sparse != 0])
        else:
            can, strength, moved = can.flatten(1), strength.flatten(1), sparse.flatten(1) != 0
            size = sparse.abs().flatten(1).sum(dim=1)
            assert torch.allclose(size, can.any(dim=1).float()), "together of size 1"
            assert torch.equal(sparse, grad.sign() * sparse.abs())
        valid = torch.ones_like(x.values) if x.valid() is None else x.valid().float()  # type: ignore[union-attr]
        real = (pixels(valid)[:, 0] if kind_of(within) == "l0" else valid.flatten(1)).sum(dim=1)
        wanted = (share * real.double()).round().clamp(min=1)
        assert torch.equal(moved.sum(dim=1).double(), torch.minimum(wanted, can.sum(dim=1).double()))
        weakest = strength.masked_fill(~moved, math.inf).amin(dim=1)
        left_out = strength.masked_fill(moved | ~can, 0).amax(dim=1)
        assert (weakest >= left_out).all(), "none that stayed is steeper than one that moved"
        assert not (moved & ~can).any()
        assert (sparse * grad >= 0).all()


# --- crossing ----------------------------------------------------------------------------------------------------


def gained(x: Batch, normal: Tensor, z: Batch) -> Tensor:
    return ((z.values.double() - x.values.double()) * normal.double()).flatten(1).sum(dim=1)


def reachable(within: Ball, x: Batch, normal: Tensor) -> tuple[Batch, Tensor]:
    """The end of the box that gains most, and what it gains."""
    ends = torch.where(normal > 0, within.high, within.low)
    best = x.holding(torch.where(free(within, x) & (normal != 0), ends, x.values))
    return best, gained(x, normal, best)


def test_crossing_gains_the_gap_or_all_there_is(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    normal = torch.randn(x.values.shape, generator=generator(11))
    normal[normal.abs() < 0.2] = 0
    best, most = reachable(within, x, normal)
    for share in (1e-4, 0.1, 0.5, 0.99):
        z = within.cross(x, normal, share * most)
        assert within.resized(math.inf).contains(z, x).all()
        assert (gained(x, normal, z) >= share * most - 1e-5).all()
        assert torch.equal(z.values[normal == 0], x.values[normal == 0])
        assert z.values.dtype == x.values.dtype
        order = torch.tensor([3, 5])
        assert torch.equal(within.cross(x.rows(order), normal[order], (share * most)[order]).values, z.values[order])
    for beyond in (most + 1e-3, torch.full_like(most, math.inf)):
        assert torch.equal(within.cross(x, normal, beyond).values, best.values), "as far as the range goes"
    for none in (torch.zeros(N), torch.full((N,), -2.0)):
        assert torch.equal(within.cross(x, normal, none).values, x.values)
    assert torch.equal(within.cross(x, torch.zeros_like(normal), most + 1).values, x.values)
    mixed = torch.tensor([1.0, -1.0, 0.0, math.inf, 0.5, 0.1]) * most.where(most > 0, 1.0)
    z = within.cross(x, normal, mixed)
    assert torch.equal(z.values[1], x.values[1])
    assert torch.equal(z.values[3], best.values[3])


def test_crossing_is_nearest_of_a_thousand(case: Any, place: str) -> None:
    """No point of the box, of 1,000 that are drawn near it and drawn back until they just gain the gap, is nearer."""
    within, x = ball(*case), batch_of(case[2], place)
    normal = torch.randn(x.values.shape, generator=generator(12))
    best, most = reachable(within, x, normal)
    many = x.rows(torch.arange(N).repeat_interleave(1000))
    slopes, room = normal.repeat_interleave(1000, dim=0), free(within, many)
    shape = (-1, *[1] * (x.values.ndim - 1))
    for share in (0.05, 0.4, 0.9):
        gap = share * most
        z = within.cross(x, normal, gap)
        assert (gained(x, normal, z) >= gap - 1e-5).all()
        noise = torch.randn(many.values.shape, generator=generator(13)) * torch.rand(
            len(many), generator=generator(14)
        ).view(shape)
        near = z.values.repeat_interleave(1000, dim=0) + torch.where(room, noise, 0)
        if kind_of(within) == "l0":
            count = within.distance(z, x).clamp(min=1).repeat_interleave(1000)
            luck = pixels((noise != 0) * (torch.rand(noise.shape, generator=generator(15)) + (near != many.values)))
            rank = luck.amax(dim=-2).argsort(dim=-1, descending=True).argsort(dim=-1)
            kept = (rank < (count - 1).unsqueeze(1)).unsqueeze(-2).expand_as(luck).reshape(near.shape)
            ends = best.values.repeat_interleave(1000, dim=0)
            fewer = many.holding(torch.where(kept & room, ends, many.values))
            assert (gained(many, slopes, fewer) < gap.repeat_interleave(1000) + 1e-5).all(), "one pixel less is too few"
            continue
        near = near.clamp(within.low, within.high)
        low, high = torch.zeros(len(many)), torch.ones(len(many))
        towards = best.values.repeat_interleave(1000, dim=0)
        for _ in range(40):  # from the noisy point to the best end: where the gap is just gained
            middle = (low + high) / 2
            tried = many.holding(torch.lerp(near, towards, middle.view(shape)))
            enough = gained(many, slopes, tried) >= gap.repeat_interleave(1000)
            low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
        tried = many.holding(torch.lerp(near, towards, high.view(shape)))
        far = within.distance(tried, many).view(N, 1000).amin(dim=1)
        assert (within.distance(z, x) <= far + 1e-5).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", BALLS)
def test_crossing_is_the_closed_form(kind: str, masked: bool) -> None:
    """In the box's middle: the gap over the dual norm of the normal; in L0 the fewest pixels that gain enough."""
    within, x = ball(kind, masked, "pictures"), batch_of("pictures", "middle")
    normal = torch.randn(x.values.shape, generator=generator(16))
    room = free(within, x)
    slope = (normal * room).double().flatten(1)
    dual = {"linf": slope.abs().sum(1), "l2": slope.norm(dim=1), "l1": slope.abs().amax(1)}
    for gap in (0.05, 0.1, 0.4):
        z = within.cross(x, normal, torch.full((N,), gap))
        if kind != "l0":
            assert torch.allclose(within.distance(z, x), gap / dual[kind], rtol=1e-4)
            assert torch.allclose(gained(x, normal, z), torch.full((N,), gap).double(), rtol=1e-4)
    if kind == "l0":
        best, _ = reachable(within, x, normal)
        each = pixels((best.values - x.values) * normal).sum(dim=1).sort(dim=1, descending=True).values.cumsum(dim=1)
        for count in (1, 4, 9):
            z = within.cross(x, normal, each[:, count - 1] * 0.999)
            assert (within.distance(z, x) == count).all()


@pytest.mark.parametrize("kind", BALLS)
def test_crossing_agrees_with_the_linear_model(kind: str) -> None:
    """The nearest point of another class, over all classes, is as far as the closed form of the attacks' tests says."""
    weights, bias, x, y = linear_case(8, 4, (2, 3, 3), seed=3, scale=1.0)
    clean, within = Batch(x, torch.arange(8)), BALLS[kind](RADII.get(kind, 1), 0.0, 1.0)
    scores = x.flatten(1) @ weights.flatten(1).T + bias
    far = torch.full((8,), math.inf, dtype=torch.float64)
    for k in range(4):
        gap = (scores.gather(1, y.unsqueeze(1)).flatten() - scores[:, k]).double()
        z = within.cross(clean, weights[k] - weights[y], gap)
        crosses = gained(clean, weights[k] - weights[y], z) >= gap - 1e-5
        far = torch.where((y != k) & crosses, torch.minimum(far, within.distance(z, clean)), far)
    assert torch.allclose(far, linear_distance(weights, bias, x, y, kind), rtol=1e-4)


def test_x_itself_is_inside(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    assert within.contains(x, x).all()
    assert torch.equal(within.distance(x, x), torch.zeros(N, dtype=torch.float64))


def test_contains_refuses(case: Any) -> None:
    within, x = ball(*case), batch_of(case[2], "middle")
    below, beyond = at(within, x, 0.99), at(within, x, 1.01)
    assert within.contains(below, x).all()
    if kind_of(within) == "l0":
        count = pixels(free(within, x).float()).amax(dim=1).sum(dim=1).double()
        assert torch.equal(within.distance(below, x), count.clamp(max=3))
        assert torch.equal(within.contains(beyond, x), count <= 3), "one pixel more"
    else:
        assert torch.allclose(within.distance(below, x).float(), torch.tensor(0.99 * within.radius), rtol=1e-4)
        assert not within.contains(beyond, x).any(), "1 % beyond the radius"
    for bad in (math.nan, math.inf, -math.inf):
        values = x.values.clone()
        values.view(N, -1)[:, 0] = bad
        assert not within.contains(x.holding(values), x).any(), bad
    at_rim = batch_of(case[2], "corners")
    low, _ = RANGES[case[2]]
    away = at_rim.values + torch.where(at_rim.values == low, -1e-4, 1e-4) * free(within, at_rim)
    assert not within.contains(at_rim.holding(away), at_rim).any(), "outside the range of inputs"
    untouchable = ~free(within, x)
    for row in range(N):
        if not untouchable[row].any():
            continue
        values = x.values.clone()
        values[row][untouchable[row]] += 1e-6
        verdict = within.contains(x.holding(values), x)
        assert not verdict[row], "padding and what lies outside the region may not change at all"
        assert verdict[torch.arange(N) != row].all(), "one example's fault is not its neighbour's"


def test_radius_zero_is_x(case: Any, place: str) -> None:
    within, x = ball(*case, radius=0.0), batch_of(case[2], place)
    draws = Draws.of(0, "zero")
    for point in (within.project(outside(ball(*case), x, 1.0), x), within.start(x, draws), within.corner(x, draws)):
        assert torch.equal(point.values, x.values)
        assert within.contains(point, x).all()


def test_largest_radius_stays_in_range(case: Any) -> None:
    low, high = RANGES[case[2]]
    within, x = ball(*case, radius=high - low), batch_of(case[2])
    point = outside(within, x, 5.0)
    for one in (within.project(point, x), within.start(x, Draws.of(0, "all")), within.corner(x, Draws.of(0, "all"))):
        assert within.contains(one, x).all()
        assert one.values.min() >= low
        assert one.values.max() <= high


def test_resized_changes_the_radius_alone(case: Any) -> None:
    within, x = ball(*case), batch_of(case[2], "middle")
    larger = within.resized(within.radius * 2)
    assert type(larger) is type(within)
    assert larger.radius == within.radius * 2
    assert (larger.low, larger.high) == (within.low, within.high)
    assert larger.resized(within.radius) == within
    assert hash(larger.resized(within.radius)) == hash(within)
    beyond = at(within, x, 1.1)
    assert larger.contains(beyond, x).all()
    assert torch.equal(within.contains(beyond, x), within.distance(beyond, x) <= within.radius)
    assert not within.contains(beyond, x)[0]
    untouchable = ~free(within, x)
    if untouchable.any():
        values = torch.where(untouchable, x.values + 1e-3, x.values)
        assert not larger.contains(x.holding(values), x)[untouchable.flatten(1).any(dim=1)].any()


@pytest.mark.parametrize("kind", BALLS)
@pytest.mark.parametrize("threads", [1, 2])
def test_no_row_hangs_on_its_neighbours(kind: str, threads: int) -> None:
    """Torch sums one long row by all threads at once, many rows by one thread each: float64 shows the last bits."""
    x = Batch(torch.rand(6, 1, 224, 224, generator=generator(1)).double(), torch.arange(6))
    x_adv = x.holding(x.values + 0.1 * torch.randn(x.values.shape, generator=generator(2)))
    grad = torch.randn(x.values.shape, generator=generator(3)).double()
    within = BALLS[kind](RADII.get(kind, 0.5), 0.0, 1.0)
    share, gap = torch.linspace(0.01, 0.9, 6), torch.linspace(0.1, 900, 6)

    def asked(rows: slice) -> list[Tensor]:
        part, moved = x.rows(rows), x_adv.rows(rows)
        return [
            within.project(moved, part).values,
            within.project(moved, part, within.radius * share[rows]).values,
            within.steepest(grad[rows], moved, part),
            within.steepest(grad[rows], moved, part, share[rows]),
            within.cross(part, grad[rows], gap[rows]).values,
            within.distance(moved, part),
            within.start(part, Draws.of(0, "alone")).values,
        ]

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = asked(slice(None))
        for row in range(len(x)):
            for alone, all_at_once in zip(asked(slice(row, row + 1)), together, strict=True):
                assert torch.equal(alone[0], all_at_once[row])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", BALLS)
def test_no_examples_are_no_trouble(kind: str) -> None:
    x = batch_of("pictures").rows(slice(0, 0))
    within = BALLS[kind](RADII.get(kind, 0.5), 0.0, 1.0)
    for none in (within.start(x, Draws.of(0, "a")), within.corner(x, Draws.of(0, "a")), within.project(x, x)):
        assert none.values.shape == x.values.shape


# --- settle ------------------------------------------------------------------------------------------------------


def on_grid(values: Tensor, levels: int = 255) -> bool:
    return torch.equal((values * levels).round() / levels, values)


def gridded(x: Batch) -> Batch:
    return x.holding((x.values * 255).round() / 255)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", BALLS)
def test_settled_points_lie_on_the_grid_inside(kind: str, masked: bool) -> None:
    for radius in (0, 1, 2, 9, 30) if kind == "l0" else (8 / 255, 7.5 / 255, 0.03, 1 / 255, 0.5 / 255, 0.0, 0.4, 1.0):
        within = ball(kind, masked, "pictures", radius)
        for place in ("anywhere", "corners"):
            x = gridded(batch_of("pictures", place))
            for draw in range(4):
                for x_adv in (
                    within.start(x, Draws.of(0, "settle"), draw),
                    within.corner(x, Draws.of(0, "settle"), draw),
                ):
                    settled = settle(x_adv, x, within, 255)
                    assert on_grid(settled.values)
                    assert within.contains(settled, x).all()
                    assert torch.equal(settled.values[~free(within, x)], x.values[~free(within, x)])
                    again = settle(settled, x, within, 255)
                    assert torch.equal(again.values, settled.values)


def test_settling_moves_no_further_than_it_must() -> None:
    x = gridded(batch_of("pictures"))
    linf = BALLS["linf"](7.5 / 255, 0.0, 1.0)
    x_adv = linf.corner(x, Draws.of(0, "near"))
    settled = settle(x_adv, x, linf, 255).values
    steps = ((settled - x.values) * 255).abs().round()
    inner = (x.values > 8 / 255) & (x.values < 1 - 8 / 255)
    assert (steps[inner] == 7).all(), "7.5 levels are 7 and not 8, and not fewer"
    mild = linf.start(x, Draws.of(0, "near"))
    nearest = (mild.values * 255).round() / 255
    legal = (nearest - x.values).abs() <= 7 / 255 + 1e-6
    limit = (mild.values - x.values).abs().flatten(1).amax(dim=1).view(-1, 1, 1, 1)
    unharmed = legal & ((nearest - x.values).abs() <= limit)
    assert torch.equal(settle(mild, x, linf, 255).values[unharmed], nearest[unharmed])
    l2 = BALLS["l2"](0.5, 0.0, 1.0)
    far = l2.corner(x, Draws.of(0, "near"))
    kept = l2.distance(settle(far, x, l2, 255), x) / l2.distance(far, x)
    assert (kept > 0.9).all(), "a change is shortened just enough, not thrown away"


def test_only_what_rounding_carries_too_far_is_held_back() -> None:
    """In one example 7.6 levels must become 7; its 0.52 and 3.51 are not to suffer for it."""
    x = Batch(torch.full((1, 1, 1, 4), 128 / 255), torch.tensor([1]))
    change = torch.tensor([[[[7.6, 0.52, -3.51, -7.6]]]])
    settled = settle(x.holding(x.values + change / 255), x, BALLS["linf"](7.6 / 255, 0.0, 1.0), 255)
    assert ((settled.values - x.values) * 255).round().flatten().tolist() == [7, 1, -4, -7]


@pytest.mark.parametrize("kind", ["l2", "l1"])
def test_what_rounding_lengthens_is_shortened_just_enough(kind: str) -> None:
    """Changes of about one level grow by a few per cent when rounded, and L2 and L1 allow none of it."""
    x = Batch(torch.full((8, 1, 30, 30), 128 / 255), torch.arange(8))
    change = torch.randn(x.values.shape, generator=generator(5)) / 255
    if kind == "l1":
        change = change.sign() * (0.5 / 255 + 0.7 * torch.rand(change.shape, generator=generator(5)) / 255)
    lengths = change.flatten(1).norm(dim=1, p=int(kind[1]))
    within = BALLS[kind](float(lengths.min()), 0.0, 1.0)
    x_adv = within.project(x.holding(x.values + change), x)
    rounded = x.holding((x_adv.values * 255).round() / 255)
    assert not within.contains(rounded, x).any()
    settled = settle(x_adv, x, within, 255)
    assert within.contains(settled, x).all()
    assert (within.distance(settled, x) > 0.97 * within.radius).all()
    alone = torch.cat(
        [settle(x_adv.rows(slice(i, i + 1)), x.rows(slice(i, i + 1)), within, 255).values for i in range(8)]
    )
    assert torch.equal(alone, settled.values)


def test_rounding_changes_no_more_pixels() -> None:
    x, within = gridded(batch_of("pictures")), BALLS["l0"](9, 0.0, 1.0)
    x_adv = within.start(x, Draws.of(0, "pixels"))
    mild = x.holding(x.values + 0.01 * (x_adv.values - x.values))  # some of it is less than half a level
    for proposal in (x_adv, mild):
        settled = settle(proposal, x, within, 255)
        assert (within.distance(settled, x) <= within.distance(proposal, x)).all()
        assert ((settled.values - proposal.values).abs() <= 1 / 255).all(), "rounded, not shortened"
    assert (within.distance(settle(mild, x, within, 255), x) < within.distance(mild, x)).any()


def test_without_a_grid_nothing_is_touched() -> None:
    x = batch_of("pictures")
    within = BALLS["linf"](0.1, 0.0, 1.0)
    x_adv = outside(within, x, 3.0)
    assert settle(x_adv, x, within, None) is x_adv


def test_nonsense_settles_on_x() -> None:
    x = gridded(batch_of("pictures"))
    for kind in BALLS:
        within = BALLS[kind](RADII.get(kind, 0.5), 0.0, 1.0)
        nan = x.holding(torch.full_like(x.values, math.nan))
        assert torch.equal(settle(nan, x, within, 255).values, x.values)


# --- the grammar -------------------------------------------------------------------------------------------------


WRITTEN = {"8/255": 8 / 255, "0.03": 0.03, "1": 1.0, "0": 0.0, "1e-05": 1e-5}


@pytest.mark.parametrize(
    ("kind", "size"), [(kind, size) for kind in BALLS for size in WRITTEN if kind != "l0" or size in ("0", "1")]
)
def test_a_name_is_read_back(kind: str, size: str) -> None:
    (within,) = parse_sets(f" {kind}:{size}")
    assert within.radius == WRITTEN[size]
    assert str(within) == f"{kind}:{size}"
    assert parse_sets(str(within)) == [within]


@given(st.sampled_from(sorted(BALLS)), st.floats(0, 1, allow_subnormal=False), st.integers(0, 10**9))
def test_any_radius_is_read_back(kind: str, radius: float, count: int) -> None:
    radius = count if kind == "l0" else radius
    within = BALLS[kind](radius, 0.0, 1.0)
    assert parse_sets(str(within)) == [within]


def test_several_radii_and_a_range() -> None:
    assert parse_sets("linf:1/255, 2/255,0.5", -1, 1) == [BALLS["linf"](r, -1, 1) for r in (1 / 255, 2 / 255, 0.5)]


def test_a_mask_is_read() -> None:
    region = Region.of(torch.eye(4))
    asked: list[str] = []

    def read(name: str) -> Region:
        asked.append(name)
        return region

    first, second = parse_sets("l2:0.5,1@a mask.png", read_region=read)
    assert asked == ["a mask.png"]
    assert first == Masked(BALLS["l2"](0.5, 0.0, 1.0), region)
    assert second == Masked(BALLS["l2"](1.0, 0.0, 1.0), region)
    with pytest.raises(InputError, match=r"mask\.png"):
        parse_sets("l2:0.5@mask.png")


def test_regions_are_values() -> None:
    mask = mask_of("pictures")
    region = Region.of(mask)
    assert region == Region.of(mask.numpy().astype(np.uint8) * 255)
    assert region != Region.of(~mask)
    assert np.array_equal(region.allowed, mask.numpy())
    assert Region.from_text(region.to_text()) == region
    assert str(region) != str(Region.of(~mask))
    with pytest.raises(InputError, match="some change"):
        Region.of(np.zeros((2, 2)))
    wrong = Masked(BALLS["linf"](0.1, 0.0, 1.0), Region.of(np.ones((7, 7))))
    with pytest.raises(InputError, match="7, 7"):
        wrong.project(batch_of("pictures"), batch_of("pictures"))


@pytest.mark.parametrize(
    "text",
    ["", "linf:", "linf:x", "linf:-1", "linf:nan", "linf:inf", "linf:8", "l2:-0.1", "l2:1e999", "l2:1/0",
     "l7:1", "l0:0.5", "l0:8/255", "l0:-1", "l0:1.0000001", "l1:-3", "l1:nan", "l1:", "linf:1/255,",
     "l2:1e999999999", "l2:8/inf", "l2:" + "9" * 5000, ":", "@", "linf:0.1@x@y"],
)  # fmt: skip
def test_nonsense_is_refused_at_once(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_sets(text)
    assert caught.value.do


def test_a_radius_in_levels_is_explained() -> None:
    with pytest.raises(InputError, match="8/255"):
        parse_sets("linf:8")


TEXTS = st.one_of(
    st.text(max_size=30),
    st.text("linf210:/,.-+e0123456789@ _", max_size=20),
    st.builds("{}:{}".format, st.sampled_from(sorted(BALLS)), st.text("0123456789e+-./_, nainf", max_size=12)),
    st.builds("{}:{}/{}".format, st.sampled_from(sorted(BALLS)), st.integers(), st.integers()),
    st.builds("{}:{}".format, st.sampled_from(sorted(BALLS)), st.floats()),
)


@THOUSAND
@given(TEXTS)
def test_a_thousand_texts_as_sets(text: str) -> None:
    sets = outcome(lambda: parse_sets(text))
    if sets is None:
        return
    limited = ":" in text.partition("@")[0]
    assert all(within.radius >= 0 and math.isfinite(within.radius) == limited for within in sets)
    assert [one for within in sets for one in parse_sets(str(within))] == sets


GOALS = st.one_of(
    st.text(max_size=30),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(("become", "enter", "leave", "top", "misclassify", "")),
        st.sampled_from((":", "-", "")),
        st.text("0123456789,-+ _e", max_size=12),
    ),
)


@THOUSAND
@given(GOALS)
def test_a_thousand_texts_as_goals(text: str) -> None:
    goal = outcome(lambda: parse_goal(text))
    assert goal is None or parse_goal(goal.name) == goal


def test_climbing_the_ball_in_its_box() -> None:
    """A projection that is right lets the obvious search find the optimum of a linear function near a corner."""
    source = np.random.default_rng(0)
    centre, gradient = source.random(30), source.standard_normal(30)
    within = BALLS["l2"](0.9, 0.0, 1.0)
    x = Batch(torch.from_numpy(centre).float().view(1, 1, 5, 6), torch.tensor([1]))
    grad = torch.from_numpy(gradient).float().view(1, 1, 5, 6)
    x_t = x
    for _ in range(300):
        x_t = within.project(x.holding(x_t.values + 0.1 * within.steepest(grad, x_t, x)), x)
    climbed = float(((x_t.values - x.values).double() * grad.double()).sum())
    best = largest_climb(gradient, centre, 0.9, 0.0, 1.0)
    assert climbed == pytest.approx(best, rel=1e-3)
