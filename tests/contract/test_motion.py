"""Turns and shifts: what a motion is, that a second look finds it, that a grid is exhaustive, and the attacks' laws."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from oracles import state_of, state_of_process
from torch import Tensor, nn

import unfooled
from unfooled.attacks import SPATIAL
from unfooled.auditing.verify import verify
from unfooled.core.attack import Attack, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.curve import kind_of
from unfooled.core.errors import AccessError, InputError
from unfooled.core.seeds import Draws
from unfooled.core.target import Access, Target
from unfooled.goals import Become, Misclassify
from unfooled.models.classifier import wrap
from unfooled.report.page import render
from unfooled.sets.grammar import parse_sets
from unfooled.sets.motion import Motion

SHAPE = (2, 9, 12)
BOTH = Motion(degrees=20, pixels=2)


def pictures(n: int = 6, shape: tuple[int, ...] = SHAPE, *, eight: bool = True, seed: int = 0) -> Batch:
    values = torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))
    return Batch((values * 255).round() / 255 if eight else values, torch.arange(n) * 7)


def moved(x: Batch, *motion: float, within: Motion = BOTH) -> Batch:
    return within.moved(x, torch.tensor([motion] * len(x)))


# --- the set -----------------------------------------------------------------------------------------------------


def test_nothing_is_moved_by_nothing() -> None:
    for eight in (True, False):
        x = pictures(eight=eight)
        assert torch.equal(moved(x, 0, 0, 0).values, x.values)


def test_a_shift_moves_pixels_down_and_right_and_brings_in_black() -> None:
    x = pictures()
    expected = torch.zeros_like(x.values)
    expected[:, :, 2:, :-1] = x.values[:, :, :-2, 1:]
    assert torch.equal(moved(x, 0, 2, -1).values, expected)


def test_a_quarter_turn_is_exact() -> None:
    x = pictures(shape=(3, 8, 8))
    assert torch.equal(moved(x, 90, 0, 0).values, x.values.rot90(1, (2, 3)))
    assert torch.equal(moved(x, -90, 0, 0).values, x.values.rot90(-1, (2, 3)))


def test_a_turn_comes_before_the_shift() -> None:
    x = pictures(shape=(1, 8, 8))
    turned = moved(x, 90, 0, 0)
    assert torch.equal(moved(x, 90, 1, 2).values, moved(turned, 0, 1, 2).values)


def test_values_between_pixels_are_those_of_another_program() -> None:
    from scipy.ndimage import map_coordinates

    x, angle = pictures(2, eight=False), math.radians(17)
    height, width = SHAPE[1:]
    below, beside = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2]).reshape(2, 1, 1)
    below, beside = below - 1, beside + 2
    at = [
        math.cos(angle) * below + math.sin(angle) * beside + (height - 1) / 2,
        math.cos(angle) * beside - math.sin(angle) * below + (width - 1) / 2,
    ]
    padded = np.pad(x.values.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))  # black beyond the edge, blended with it
    expected = [
        [map_coordinates(colour, [one + 1 for one in at], order=1, cval=0.0) for colour in picture]
        for picture in padded
    ]
    assert np.allclose(moved(x, 17, 1, -2).values.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("eight", [True, False])
def test_every_motion_of_the_set_is_contained_and_measured(eight: bool) -> None:
    x = pictures(1, eight=eight)
    for motion in BOTH.lattice(SHAPE)[::97].tolist():
        found = BOTH.distance(moved(x, *motion), x)
        assert found.item() == max(abs(motion[0]) / 20, abs(motion[1]) / 2, abs(motion[2]) / 2)
        assert BOTH.contains(moved(x, *motion), x).all()


def test_distances_are_in_the_unit_of_the_only_limit() -> None:
    x = pictures()
    assert (Motion(degrees=30).distance(moved(x, -7, 0, 0), x) == 7).all()
    assert (Motion(pixels=3).distance(moved(x, 0, 1, -3), x) == 3).all()
    assert Motion(percent=25).limits(SHAPE) == (0, 2, 3)
    assert (Motion(percent=25).distance(moved(x, 0, 0, 3), x) == 1).all()


@pytest.mark.parametrize("motion", [(21, 0, 0), (0, 3, 0), (0, 0, -3), (10.5, 0, 0), (0, 0.5, 0)])
def test_what_lies_outside_is_not_contained(motion: tuple[float, ...]) -> None:
    x = pictures()
    assert not BOTH.contains(moved(x, *motion), x).any()


@pytest.mark.parametrize("eight", [True, False])
def test_one_value_of_another_size_is_not_contained(eight: bool) -> None:
    x = pictures(eight=eight)
    near = moved(x, 5, 1, 0)
    near.values[:, 1, 4, 5] += 1 / 255 if near.values[0, 1, 4, 5] < 0.9 else -1 / 255
    assert not BOTH.contains(near, x).any()
    assert not BOTH.contains(x.holding(torch.full_like(x.values, torch.nan)), x).any()


def test_a_picture_of_8_bits_stays_one_so_that_a_file_holds_it() -> None:
    turned = moved(pictures(), 13, 0, 0).values
    assert torch.equal((turned * 255).round() / 255, turned)
    off = pictures().holding(turned + 0.3 / 255)
    assert not BOTH.contains(off, pictures()).any()


def test_a_picture_does_not_hang_on_its_neighbours() -> None:
    x = pictures()
    motions = torch.tensor([[i - 3, i % 3 - 1, 1] for i in range(6)])
    together = BOTH.moved(x, motions).values
    for i in range(6):
        assert torch.equal(BOTH.moved(x.rows(slice(i, i + 1)), motions[i : i + 1]).values[0], together[i])


def test_the_lattice_is_all_there_is_smallest_first() -> None:
    motions = Motion(degrees=2, pixels=1).lattice(SHAPE)
    every = set(itertools.product(range(-2, 3), (-1, 0, 1), (-1, 0, 1)))
    assert {tuple(one) for one in motions.tolist()} == every
    assert len(motions) == len(every)
    assert motions[0].tolist() == [0, 0, 0]
    few = BOTH.lattice(SHAPE, 60)
    assert len(few) <= 60
    assert len({tuple(one) for one in few.tolist()}) == len(few)
    assert {tuple(one) for one in few.abs().amax(dim=0, keepdim=True).tolist()} == {(20, 2, 2)}
    assert BOTH.lattice(SHAPE, 1).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("rotate:30", [Motion(30)]),
        ("rotate:10,20", [Motion(10), Motion(20)]),
        ("shift:3", [Motion(pixels=3)]),
        ("shift:10%", [Motion(percent=10)]),
        ("rotate:30,shift:3", [Motion(30, 3)]),
        ("shift:2.5%,rotate:5", [Motion(5, percent=2.5)]),
    ],
)
def test_people_write_motions(text: str, sets: list[Motion]) -> None:
    assert parse_sets(text) == sets
    assert [one for within in sets for one in parse_sets(str(within))] == sets


@pytest.mark.parametrize(
    "text", ["rotate", "rotate:", "rotate:-1", "rotate:181", "rotate:1.5", "rotate:10%", "shift:x", "rotate:3,rotate:4",
             "shift:120%", "rotate:3,shift:", "rotate:30,shift:3,4", "rotate:3@mask.png"],
)  # fmt: skip
def test_what_is_no_motion_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_sets(text)


def test_two_limits_are_a_kind_of_their_own() -> None:
    assert kind_of("rotate:30,shift:10%") == "rotate,shift"
    assert kind_of("become:3 rotate:30") == "become:3 rotate"


def test_waves_cannot_be_turned() -> None:
    x = Batch(torch.zeros(2, 8), torch.arange(2))
    with pytest.raises(InputError, match="Only pictures"):
        Motion(30).contains(x, x)
    with pytest.raises(InputError, match="Only pictures"):
        unfooled.audit(Fragile(), (torch.zeros(2, math.prod(SHAPE)), torch.zeros(2, dtype=torch.int64)), "rotate:3")


# --- the attacks -------------------------------------------------------------------------------------------------


class Fragile(nn.Module):
    """Answers otherwise where a picture is turned by 4 degrees or more, as far as a linear filter can see that."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        self.layer = nn.Linear(math.prod(SHAPE), 3, bias=False)
        source = torch.Generator().manual_seed(seed)
        self.layer.weight.data = torch.randn(self.layer.weight.shape, generator=source) / 3
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layer(x.flatten(1))
        return scores


def problem(attack: Attack[Any], rows: Any = slice(None), within: Motion = BOTH, **more: Any) -> Problem[Motion]:
    module, x = more.pop("module", None) or Fragile(), pictures(12)
    y = Fragile()(x.values).argmax(dim=1)
    x = x.rows(rows)
    target = Target(wrap(module), more.pop("access", attack.needs), len(x), **more)
    return Problem(target, x, y[rows], Misclassify(), within, Draws.of(0, repr(attack)))


def short(name: str) -> Attack[Any]:
    few = {"grid": {"queries": 60, "together": 8}, "spatial-pgd": {"steps": 4, "restarts": 2}}
    changed: Attack[Any] = replace(SPATIAL[name], **few[name])  # type: ignore[type-var]
    return changed


def same(one: Found, other: Found, rows: Any = slice(None)) -> bool:
    return torch.equal(one.x_adv.values, other.x_adv.values[rows]) and torch.equal(one.reached, other.reached[rows])


@pytest.fixture(params=SPATIAL)
def attack(request: pytest.FixtureRequest) -> Attack[Any]:
    return short(str(request.param))


def test_what_is_found_is_contained_and_fools(attack: Attack[Any]) -> None:
    posed = problem(attack)
    found = attack(posed)
    assert BOTH.contains(found.x_adv, posed.x).all()
    labels = Fragile()(found.x_adv.values).argmax(dim=1)
    assert torch.equal(labels != posed.y, found.reached)
    assert found.reached.any()


def test_the_model_is_untouched_and_bits_come_again(attack: Attack[Any]) -> None:
    module = Fragile()
    posed = problem(attack, module=module)
    before, process = state_of(module), state_of_process()
    one = attack(posed)
    assert (state_of(module), state_of_process()) == (before, process)
    assert same(one, attack(problem(attack)))


def test_order_and_parts_change_nothing(attack: Attack[Any]) -> None:
    whole = attack(problem(attack, batch=4))
    for rows in (torch.tensor([5, 0, 11, 3]), torch.arange(12).flip(0), torch.tensor([7])):
        assert same(attack(problem(attack, rows, batch=4)), whole, rows)


def test_no_more_is_asked_than_the_bill_says(attack: Attack[Any]) -> None:
    posed = problem(attack)
    found = attack(posed)
    bill = attack.bill(3)
    spent = posed.target.spent
    for said, asked in zip(bill, (spent.queries, spent.forwards, spent.backwards), strict=True):
        assert asked.max() <= said
        if bool((~found.reached).any()):
            assert (asked[~found.reached] == said).all() or said == attack.bill(3).queries
    budgeted = problem(attack, budget=5)
    attack(budgeted)
    assert budgeted.target.spent.answers().max() <= 5


def test_a_set_without_room_gives_x_back(attack: Attack[Any]) -> None:
    posed = problem(attack, within=Motion())
    found = attack(posed)
    assert torch.equal(found.x_adv.values, posed.x.values)
    assert not found.reached.any()


def test_the_grid_is_exhaustive_and_finds_a_smallest_motion() -> None:
    small = Motion(degrees=6, pixels=1)
    grid = unfooled.attack_named("grid", queries=13 * 9, together=1)
    posed = problem(grid, within=small)
    found = grid(posed)
    for i in range(len(posed.x)):
        motions = small.lattice(SHAPE)
        every = small.moved(posed.x.rows(torch.full((len(motions),), i)), motions)
        fooled = Fragile()(every.values).argmax(dim=1) != posed.y[i]
        assert bool(fooled.any()) == bool(found.reached[i])
        if fooled.any():
            first = int(fooled.to(torch.int8).argmax())
            assert torch.equal(found.x_adv.values[i], every.values[first])


def test_gradients_are_needed_for_the_climb_alone() -> None:
    climb = short("spatial-pgd")
    with pytest.raises(AccessError):
        climb(problem(climb, access=Access.DECISION))


def test_an_audit_of_motions_needs_no_more_than_their_name() -> None:
    x = pictures(12)
    y = Fragile()(x.values).argmax(dim=1)
    stored = (x.values * 255).round().to(torch.uint8)
    results = unfooled.audit(Fragile(), (stored, y), ["rotate:20", "rotate:20,shift:2", "become:1 shift:2"])
    turned, both = results["rotate:20"], results["rotate:20,shift:2"]
    assert both.robust_accuracy <= turned.robust_accuracy < 1
    assert np.nanmax(turned.column("distance")[turned.broken]) <= 20
    assert {stage["attack"] for stage in results.stages.to_pylist()} == {"spatial-pgd", "grid"}
    checks = verify(results, Fragile())
    assert checks
    assert all(one.confirmed for one in checks)
    page = render(unfooled.audit(Fragile(), (stored, y), "rotate:20,shift:2"))
    assert "turn the example by up to 20 degrees and shift the example by up to 2 pixels" in page


def test_balls_and_motions_cannot_share_a_suite_by_mistake() -> None:
    x = pictures(4)
    y = Fragile()(x.values).argmax(dim=1)
    with pytest.raises(InputError, match="searches in a Ball"):
        unfooled.audit(Fragile(), (x.values, y), "rotate:20", "pgd")
    with pytest.raises(InputError, match="searches in a Motion"):
        unfooled.audit(Fragile(), (x.values, y), "linf:0.1", "grid")


def test_a_chosen_class_is_searched_for_as_well() -> None:
    grid = short("grid")
    posed = replace(problem(grid), goal=Become(0), y=torch.ones(12, dtype=torch.int64))
    found = grid(posed)
    assert torch.equal(Fragile()(found.x_adv.values).argmax(dim=1) == 0, found.reached)
