"""On whom a stage is spent: chosen among all survivors together, whatever their order."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracles import linear_case, linear_distance

import unfooled
from unfooled.attacks import attack_named
from unfooled.attacks.uniform_noise import UniformNoise
from unfooled.auditing.stages import Among, Drawn, Everyone, Nearest, Stage
from unfooled.zoo.small import linear

SOURCE = np.random.default_rng(0)
KEYS = [f"{number:016x}" for number in SOURCE.permutation(50)]
MARGINS = SOURCE.normal(size=50)


def test_the_closest_are_those_of_the_largest_margin() -> None:
    assert set(Nearest(0.2, least=1).pick(KEYS, MARGINS, 50)) == set(np.argsort(-MARGINS)[:10])
    assert len(Nearest(0.01, least=7).pick(KEYS, MARGINS, 50)) == 7
    assert len(Nearest(0.5, least=70).pick(KEYS, MARGINS, 50)) == 50


def test_who_was_never_tried_comes_last() -> None:
    margins = np.array([np.nan, -3.0, -np.inf, -1.0])
    assert Nearest(0.5, least=1).pick(["a", "b", "c", "d"], margins, 4).tolist() == [1, 3]


@pytest.mark.parametrize("among", [Everyone(), Nearest(0.3), Drawn(12)])
def test_the_choice_does_not_depend_on_the_order(among: Among) -> None:
    chosen = {KEYS[place] for place in among.pick(KEYS, MARGINS, 50)}
    order = SOURCE.permutation(50)
    again = among.pick([KEYS[place] for place in order], MARGINS[order], 50)
    assert {KEYS[order[place]] for place in again} == chosen
    assert again.tolist() == sorted(again.tolist())
    assert len(chosen) == among.most(50)


def test_a_sample_of_all_meets_as_many_as_stand() -> None:
    for standing, of in ((50, 50), (50, 100), (50, 500), (1, 50)):
        met = Drawn(12).pick(KEYS[:standing], MARGINS[:standing], of)
        assert len(met) == math.ceil(12 * standing / of)


def test_a_sample_says_nothing_about_margins() -> None:
    assert set(Drawn(12).pick(KEYS, MARGINS, 50)) == set(Drawn(12).pick(KEYS, MARGINS[::-1], 50))


def ran(*stages: Stage) -> dict[str, tuple[int, int]]:
    """Audit a linear model at the median distance of its examples; tell what each stage tried and broke."""
    weights, bias, x, y = linear_case(20, 2, (1, 5, 5), seed=3, scale=4.0)
    radius = float(linear_distance(weights, bias, x, y, "linf").median()) * 1.0001
    results = unfooled.audit(linear(weights, bias), (x, y), f"linf:{radius!r}", stages, batch=8)
    return {row["attack"]: (row["tried"], row["broken"]) for row in results.stages.to_pylist()}


PGD, NOISE = attack_named("pgd"), UniformNoise(draws=1)


def test_a_stage_that_must_pay_runs_after_one_that_did() -> None:
    found = ran(Stage("pgd", PGD), Stage("again", PGD, paying=0.4), Stage("more", PGD, paying=0.01))
    tried, broken = found["pgd"]
    assert tried == 20
    assert 0.4 <= broken / tried < 1
    assert found["again"] == (tried - broken, 0), "what PGD could not break on a linear model stands"
    assert "more" not in found, "the stage before it broke nobody"


def test_a_chain_ends_where_a_stage_was_left_out() -> None:
    found = ran(Stage("noise", NOISE), Stage("left out", PGD, paying=0.9), Stage("too", PGD, paying=0.0))
    assert list(found) == ["noise"]


def test_what_always_runs_runs_after_that() -> None:
    found = ran(Stage("noise", NOISE), Stage("left out", PGD, paying=0.9), Stage("pgd", PGD, among=Drawn(4)))
    assert found["pgd"][0] == 4


def test_a_suite_finds_the_same_in_any_order() -> None:
    weights, bias, x, y = linear_case(30, 5, (1, 6, 6), seed=1, scale=4.0)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    one = unfooled.audit(linear(weights, bias), (x, y), "linf:0.008", "standard", batch=8)
    other = unfooled.audit(linear(weights, bias), (x[order], y[order]), "linf:0.008", "standard", batch=8)
    name = next(iter(one.threats))
    broken = one[name].broken
    assert broken[order.numpy()].tolist() == other[name].broken.tolist()
    assert 0 < broken.sum() < 30
