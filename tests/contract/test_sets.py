"""Laws of every set, plain and masked, on pictures and ragged waveforms: a new ball is tested by being listed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from fuzz import TEN_THOUSAND, outcome
from hypothesis import given
from hypothesis import strategies as st
from oracles import largest_climb, nearest_in_ball_and_box
from scipy.stats import kstest
from torch import Tensor

from unfooled.core.batch import Batch
from unfooled.core.errors import InputError
from unfooled.core.seeds import Draws
from unfooled.core.threat import Ball
from unfooled.goals import parse_goal
from unfooled.sets.grammar import BALLS, parse_sets
from unfooled.sets.grid import settle
from unfooled.sets.masked import Masked, Region

SHAPES = {"pictures": (3, 6, 5), "waveforms": (40,)}
RANGES = {"pictures": (0.0, 1.0), "waveforms": (-1.0, 1.0)}
RADII = {"linf": 0.1, "l2": 0.7}
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


def free(within: Ball, x: Batch) -> Tensor:
    """Mark what the set may change, as the test understands it."""
    allowed = torch.ones_like(x.values, dtype=torch.bool)
    if isinstance(within, Masked):
        allowed &= torch.from_numpy(within.region.allowed)
    valid = x.valid()
    return allowed if valid is None else allowed & valid


def units(within: Ball, x: Batch, count: int, seed: int) -> Tensor:
    """Directions (count, n, ...) of size 1 in the set's own norm, inside region and length."""
    noise = torch.randn((count, *x.values.shape), generator=generator(seed))
    noise[: count // 2] = noise[: count // 2].sign()  # corners of the cube are the hard ones for Linf
    noise = noise * free(within, x)
    origin = x.holding(torch.zeros_like(x.values))
    sizes = torch.stack([within.distance(x.holding(one), origin) for one in noise])
    return noise / sizes.view(count, -1, *[1] * (x.values.ndim - 1)).float()


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
    shrunk = (within.radius / within.distance(nudged, many).clamp(min=1e-12)).clamp(max=1) * (1 - 1e-6)
    wide = shrunk.view(-1, *[1] * (x.values.ndim - 1)).float()
    feasible = many.holding(torch.where(wide < 1, many.values + wide * (nudged.values - many.values), nudged.values))
    assert within.contains(feasible, many).all(), "the test itself must stay inside"
    far = ((feasible.values - point.values.repeat_interleave(1000, dim=0)).double() * free(within, many)).flatten(1)
    assert (gap(best) <= far.norm(dim=1).view(N, 1000).amin(dim=1) + 1e-6).all()


@pytest.mark.parametrize("place", ["anywhere", "corners"])
def test_l2_projection_is_the_slow_one(place: str) -> None:
    x = batch_of("pictures", place)
    within = BALLS["l2"](0.7, 0.0, 1.0)
    for share in (0.3, 1.0, 10.0):
        point = outside(within, x, share)
        projected = within.project(point, x).values
        for row in range(N):
            slow = nearest_in_ball_and_box(
                point.values[row].double().numpy().ravel(), x.values[row].double().numpy().ravel(), 0.7, 0.0, 1.0
            )
            assert np.abs(projected[row].double().numpy().ravel() - slow).max() < 3e-6


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


def test_l2_starts_are_uniform_in_the_ball_of_what_is_real() -> None:
    """The length over the radius, to the power of the number of real values, is uniform."""
    x = Batch(torch.zeros(400, 40), torch.arange(400), torch.tensor([3, 40]).repeat(200))
    within = BALLS["l2"](0.5, -1.0, 1.0)
    share = within.distance(within.start(x, Draws.of(0, "s")), x) / 0.5
    for real, first in ((3, 0), (40, 1)):
        assert kstest(share[first::2].numpy() ** real, "uniform").pvalue > 1e-3


def test_steepest_beats_a_thousand(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    grad = torch.randn(x.values.shape, generator=generator(7))
    origin = x.holding(torch.zeros_like(x.values))
    steepest = within.steepest(grad, x, x)
    assert torch.allclose(within.distance(x.holding(steepest), origin).float(), torch.ones(N), atol=1e-5)
    assert torch.equal(steepest * ~free(within, x), torch.zeros_like(steepest))
    climbed = (steepest * grad).flatten(1).sum(dim=1)
    others = (units(within, x, 1000, 8) * grad).flatten(2).sum(dim=2)
    assert (climbed >= others.amax(dim=0) - 1e-5).all()
    assert torch.equal(within.steepest(torch.zeros_like(grad), x, x), torch.zeros_like(grad))
    assert within.steepest(grad * 1e-30, x, x).isfinite().all()
    assert torch.allclose(within.steepest(grad * 1e-30, x, x), steepest, atol=1e-3)


def test_x_itself_is_inside(case: Any, place: str) -> None:
    within, x = ball(*case), batch_of(case[2], place)
    assert within.contains(x, x).all()
    assert torch.equal(within.distance(x, x), torch.zeros(N, dtype=torch.float64))


def test_contains_refuses(case: Any) -> None:
    within, x = ball(*case), batch_of(case[2], "middle")
    size = within.radius
    unit = units(within, x, 2, 9)[1]
    assert within.contains(x.holding(x.values + 0.99 * size * unit), x).all()
    assert torch.allclose(
        within.distance(x.holding(x.values + 0.99 * size * unit), x).float(), torch.tensor(0.99 * size), rtol=1e-4
    )
    assert not within.contains(x.holding(x.values + 1.01 * size * unit), x).any(), "1 % beyond the radius"
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
    larger = within.resized(within.radius * 1.2)
    assert type(larger) is type(within)
    assert larger.radius == within.radius * 1.2
    assert (larger.low, larger.high) == (within.low, within.high)
    assert larger.resized(within.radius) == within
    assert hash(larger.resized(within.radius)) == hash(within)
    unit = units(within, x, 2, 9)[1] * within.radius
    assert larger.contains(x.holding(x.values + 1.1 * unit), x).all()
    assert not within.contains(x.holding(x.values + 1.1 * unit), x).any()
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

    def asked(rows: slice) -> list[Tensor]:
        part, moved = x.rows(rows), x_adv.rows(rows)
        return [
            within.project(moved, part).values,
            within.steepest(grad[rows], moved, part),
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
    for radius in (8 / 255, 7.5 / 255, 0.03, 1 / 255, 0.5 / 255, 0.0, 0.4, 1.0):
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


def test_what_rounding_lengthens_is_shortened_just_enough() -> None:
    """Changes of about one level grow by a few per cent when rounded, and L2 allows none of it."""
    x = Batch(torch.full((8, 1, 30, 30), 128 / 255), torch.arange(8))
    change = torch.randn(x.values.shape, generator=generator(5)) / 255
    lengths = change.flatten(1).norm(dim=1)
    within = BALLS["l2"](float(lengths.min()), 0.0, 1.0)
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


def test_without_a_grid_nothing_is_touched() -> None:
    x = batch_of("pictures")
    within = BALLS["linf"](0.1, 0.0, 1.0)
    x_adv = outside(within, x, 3.0)
    assert settle(x_adv, x, within, None) is x_adv


def test_nonsense_settles_on_x() -> None:
    x = gridded(batch_of("pictures"))
    for kind in BALLS:
        within = BALLS[kind](0.1, 0.0, 1.0)
        nan = x.holding(torch.full_like(x.values, math.nan))
        assert torch.equal(settle(nan, x, within, 255).values, x.values)


# --- the grammar -------------------------------------------------------------------------------------------------


WRITTEN = {"8/255": 8 / 255, "0.03": 0.03, "1": 1.0, "0": 0.0, "1e-05": 1e-5}


@pytest.mark.parametrize("kind", BALLS)
@pytest.mark.parametrize("size", WRITTEN)
def test_a_name_is_read_back(kind: str, size: str) -> None:
    (within,) = parse_sets(f" {kind}:{size}")
    assert within.radius == WRITTEN[size]
    assert str(within) == f"{kind}:{size}"
    assert parse_sets(str(within)) == [within]


@given(st.sampled_from(sorted(BALLS)), st.floats(0, 1, allow_subnormal=False))
def test_any_radius_is_read_back(kind: str, radius: float) -> None:
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
     "l7:1", "linf:1/255,", "l2:1e999999999", "l2:8/inf", "l2:" + "9" * 5000, ":", "@", "linf:0.1@x@y"],
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
    st.text("linf2:/,.-+e0123456789@ _", max_size=20),
    st.builds("{}:{}".format, st.sampled_from(sorted(BALLS)), st.text("0123456789e+-./_, nainf", max_size=12)),
    st.builds("{}:{}/{}".format, st.sampled_from(sorted(BALLS)), st.integers(), st.integers()),
    st.builds("{}:{}".format, st.sampled_from(sorted(BALLS)), st.floats()),
)


@TEN_THOUSAND
@given(TEXTS)
def test_ten_thousand_texts_as_sets(text: str) -> None:
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


@TEN_THOUSAND
@given(GOALS)
def test_ten_thousand_texts_as_goals(text: str) -> None:
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
