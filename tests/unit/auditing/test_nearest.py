"""Attacks that look for the nearest success: one run answers every radius, and the distances any other."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from oracles import Watching, linear_case, linear_distance
from torch import Tensor

import unfooled
from unfooled.auditing.estimate import estimate
from unfooled.auditing.fit import check_fit
from unfooled.auditing.planned import planned
from unfooled.auditing.stages import Stage
from unfooled.auditing.verify import verify
from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.errors import InputError, RunError
from unfooled.core.region import Region
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.core.threat import Ball, ThreatModel
from unfooled.goals import Misclassify
from unfooled.losses import loss_named
from unfooled.search.keeper import Keeper
from unfooled.sets.l2 import L2
from unfooled.sets.masked import Masked
from unfooled.zoo.small import linear

N = 21
RADII = (0.004, 0.012, 0.02, 0.03)
LADDER = "linf:" + ",".join(map(str, RADII))


@dataclass(frozen=True)
class Crossing:
    """Crosses the plane that the margin looks like from x, `far` times too far at first, then nearer step by step."""

    steps: int = 4
    far: float = 1.04
    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        return Bill(0, self.steps + 1, 1)

    def __call__(self, problem: Problem[Ball]) -> Found:
        keeper, objective = Keeper(problem, nearest=True), problem.objective(loss_named("margin"))
        owner = keeper.open()
        seen = problem.target.gradient(problem.x.rows(owner), objective, owner)
        going_on = keeper.keep(owner, problem.x.rows(owner), seen.loss, seen.answer)
        grad, gap = seen.grad, 1e-3 - seen.loss.double()
        for k in range(self.steps):
            owner, grad, gap = owner[going_on], grad[going_on], gap[going_on]
            x = problem.x.rows(owner)
            share = 1 + (self.far - 1) * (1 - k / self.steps)
            x_t = problem.within.project(problem.within.cross(x, grad, share * gap), x)
            tried = problem.target.losses(x_t, objective, owner)
            going_on = keeper.keep(owner, x_t, tried.loss, tried.answer)
        return keeper.found()


@dataclass(frozen=True)
class Stepping:
    """A step in the steepest direction, as far as the radius goes: needs one."""

    needs: ClassVar[Access] = Access.GRADIENT
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        return Bill(0, 1, 1)

    def __call__(self, problem: Problem[Ball]) -> Found:
        owner, within = problem.everyone(), problem.within
        seen = problem.target.gradient(problem.x, problem.objective(loss_named("margin")), owner)
        ahead = within.steepest(seen.grad, problem.x, problem.x) * within.radius
        x_adv = within.project(problem.x.holding(problem.x.values + ahead), problem.x)
        return Found(x_adv, torch.ones(len(owner), dtype=torch.bool), seen.loss)


@dataclass(frozen=True)
class Careless:
    """Proposes what is given, as if it had looked for the nearest success, and knows nothing of files."""

    x_adv: Tensor
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = True

    def bill(self, classes: int) -> Bill:
        return Bill(0, 0, 0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        known = torch.zeros(len(problem.x))
        return Found(problem.x.holding(self.x_adv), torch.ones(len(problem.x), dtype=torch.bool), known)


def data(kind: str = "float32", classes: int = 2) -> tuple[Any, Any, Tensor]:
    """A linear model, pictures that it reads right but for every seventh, and their labels."""
    weights, bias, x, _ = linear_case(N, classes, (1, 6, 6), seed=1, scale=3.0)
    module = linear(weights, bias)
    pixels = (x * 255).round().to(torch.uint8)
    x = pixels.float() / 255 if kind == "uint8" else x
    y = module(x).argmax(dim=1)
    y[::7] = (y[::7] + 1) % classes
    return module, (pixels.numpy() if kind == "uint8" else x), y


def smallest(kind: str) -> np.ndarray:
    """The closed form for those read right, infinite for others, (n,)."""
    weights, bias, x, _ = linear_case(N, 2, (1, 6, 6), seed=1, scale=3.0)
    _, _, y = data()
    distance = linear_distance(weights, bias, x, y, kind).numpy()
    return np.where(distance > 0, distance, np.inf)


def run(
    threats: Any = LADDER, suite: Any = None, *, kind: str = "float32", rows: Any = slice(None), **more: Any
) -> Results:
    module, x, y = data(kind)
    settings = {"batch": 2, "keep": "all", "diagnose": False} | more
    return unfooled.audit(
        settings.pop("model", module), (x[rows], y[rows]), threats, [Crossing()] if suite is None else suite, **settings
    )


def facts(results: Results) -> dict[Any, Any]:
    return {
        (row["threat"], row["key"]): {name: value for name, value in row.items() if name != "example"}
        for row in results.records.to_pylist()
    }


def assert_same(one: Results, other: Results) -> None:
    assert facts(one) == facts(other)
    assert set(one.tensors) == set(other.tensors)
    for name in one.tensors:
        assert np.array_equal(one.tensors[name], other.tensors[name])


def spent(results: Results) -> int:
    return int(sum(results[name].forwards.sum() + results[name].backwards.sum() for name in results.threats))


# --- one run answers every radius --------------------------------------------------------------------------------


def test_every_radius_is_answered_by_one_run() -> None:
    results, alone = run(), run(f"linf:{RADII[-1]}")
    assert spent(results) == spent(alone) > 0
    wanted = smallest("linf")
    for name, radius in zip(results.threats, RADII, strict=True):
        rows = results[name]
        assert np.array_equal(rows.broken, wanted * 1.02 < radius) or abs(wanted - radius).min() < 0.02 * radius
        assert rows.column("distance")[rows.broken] == pytest.approx(wanted[rows.broken], rel=0.02)
        assert set(rows.column("attack")[rows.broken]) <= {"Crossing"}
        assert bool(rows.forwards.any()) == (radius == RADII[-1]), "booked once"
    for row, one in zip(results.stages.to_pylist(), results.threats, strict=True):
        assert (row["threat"], row["tried"], row["broken"]) == (one, N - 3, results[one].broken.sum())
        assert (row["forwards"] > 0) == (one == results.threats[-1])
    assert len({results[name].broken.sum() for name in results.threats}) >= 3, "worth comparing"


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_it_is_what_a_run_at_each_radius_would_say(kind: str) -> None:
    """Judged in its own set and file; the larger radius only lets the attack begin further out."""
    results = run(kind=kind)
    for name in results.threats:
        own, rows = run(name, kind=kind)[name], results[name]
        assert (rows.broken == own.broken).all()
        assert rows.column("distance")[rows.broken] == pytest.approx(own.column("distance")[own.broken], rel=0.35)
    module, _, _ = data(kind)
    checked = verify(results, module)
    assert len(checked) == sum(results[name].broken.sum() for name in results.threats) > 0
    assert all(one.confirmed for one in checked)


def test_no_success_is_judged_twice() -> None:
    module, _, _ = data()
    model, alone = Watching(module), Watching(module)
    run(model=model)
    run(f"linf:{RADII[-1]}", model=alone)
    assert model.rows == alone.rows


def test_a_ladder_with_no_limit_at_its_end() -> None:
    results = run("l2:0.02,0.06")
    open_end = run(["l2", "l2:0.02,0.06"])
    assert open_end.threats == ["l2", "l2:0.02", "l2:0.06"]
    for name in results.threats:
        assert np.array_equal(results[name].broken, open_end[name].broken)
    rows = open_end["l2"]
    assert np.array_equal(rows.broken, rows.column("clean_correct"))
    assert rows.column("distance")[rows.broken] == pytest.approx(smallest("l2")[rows.broken], rel=0.02)


@pytest.mark.parametrize(("threshold", "broken"), [(20, False), (0.5, True)])
def test_rounding_beyond_a_radius_is_rounded_back(threshold: float, broken: bool) -> None:
    """A proposal inside the smaller ball whose nearest picture lies outside it is judged as another picture.

    One pixel moves by 2/255 and 35 by 0.7/255: a length of 4.6/255, of 6.2/255 once the 35 are rounded up.
    """
    weights = torch.zeros(2, 1, 6, 6)
    weights[1] = 255.0
    module = linear(weights, torch.tensor([0.0, -36.0 * 128 - threshold]))
    x, moves = torch.full((1, 1, 6, 6), 128, dtype=torch.uint8), torch.full((1, 1, 6, 6), 0.7)
    moves[0, 0, 2, 3] = 2.0
    careless = Careless((x + moves) / 255)
    small, large = f"l2:{5 / 255}", f"l2:{9 / 255}"
    for keep in ("all", "none"):
        results = unfooled.audit(module, (x.numpy(), torch.tensor([0])), [small, large], [careless], keep=keep)
        assert results[large].broken.all()
        assert results[large].column("distance") * 255 == pytest.approx(1 if broken else 39**0.5), "the nearer one"
        assert results[small].broken.tolist() == [broken]
        assert results[small].broken_float32.tolist() == [True]
        assert results[small].column("distance") * 255 == pytest.approx(1.0)
        assert keep == "none" or all(one.confirmed for one in verify(results, module))


# --- among other attacks -----------------------------------------------------------------------------------------


class Diary:
    """A progress and a model in one: writes down which attack asked about which example."""

    def __init__(self, module: Any) -> None:
        self.model = Watching(module)
        self.stages: list[tuple[str, str]] = []
        self.marks: list[int] = []

    def begin(self, threat: str, attack: str, total: int) -> None:
        self.stages.append((threat, attack))
        self.marks.append(len(self.model.ids))

    def passed(self, rows: int) -> None: ...

    def advance(self, done: int, broken: int) -> None: ...

    def asked(self) -> Iterator[tuple[tuple[str, str], set[int]]]:
        ends = [*self.marks[1:], len(self.model.ids)]
        for stage, start, end in zip(self.stages, self.marks, ends, strict=True):
            yield stage, set(self.model.ids[start:end])


def test_the_others_climb_on_what_it_left() -> None:
    """It misses by half as much again as it takes, so that something is left."""
    module, x, y = data()
    diary = Diary(module)
    suite = [Stepping(), Crossing(steps=1, far=1.5), "uniform-noise"]
    results = unfooled.audit(diary.model, (x, y), LADDER, suite, batch=1, diagnose=False, progress=diary)
    assert [stage for stage, _ in diary.asked()][1] == (results.threats[-1], "Crossing"), "before all others"
    names = [(threat, attack) for threat in results.threats for attack in ("Stepping", "uniform-noise")]
    assert [stage for stage, _ in diary.asked()][2:] == names
    ids = unfooled.auditing.examples.read_examples((x, y)).ids.tolist()
    fallen: set[int] = set()
    for (threat, attack), about in list(diary.asked())[2:]:
        rows = results[threat]
        fell_before = {
            one for one, broken, by in zip(ids, rows.broken, rows.column("attack"), strict=True)
            if broken and by == "Crossing"
        }  # fmt: skip
        assert not about & fell_before, (threat, attack)
        fallen |= fell_before
    assert fallen


def test_the_nearer_of_two_successes_counts() -> None:
    far, near = Crossing(steps=1, far=1.3), Crossing(steps=1, far=1.0001)
    results = run("l2", [Stage("far", far), Stage("near", near), Stage("again", far)])
    rows = results["l2"]
    for one in (results, run("l2", [Stage("near", near), Stage("far", far)])):
        assert np.array_equal(one["l2"].column("distance"), rows.column("distance"), equal_nan=True)
    assert set(rows.column("attack")[rows.broken]) == {"near"}
    assert rows.column("distance")[rows.broken] == pytest.approx(smallest("l2")[rows.broken], rel=0.02)
    limited = run(LADDER, [Stage("first", Crossing()), Stage("second", Crossing(steps=2))])
    totals = {(row["threat"], row["attack"]): row for row in limited.stages.to_pylist()}
    stood = N - 3 - int(limited[limited.threats[0]].broken.sum())
    assert totals[limited.threats[-1], "second"]["tried"] == stood, "what stands at some radius"


def test_one_budget_for_all_that_is_asked_on_a_ladder() -> None:
    results = run(LADDER, [Crossing(), "pgd"], budget=9)
    asked = {name: results[name].queries + results[name].forwards for name in results.threats}
    shared = asked[results.threats[-1]]
    standing = results[results.threats[0]].robust
    assert (asked[results.threats[0]][standing] == 9 - 5).all(), "five answers went to the nearest"
    assert shared.max() <= 9


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_order_shards_folders_and_stops_change_no_bit(kind: str, tmp_path: Path) -> None:
    suite = [Crossing(steps=1, far=1.5), "uniform-noise", "pgd"]
    threats = [LADDER, "l2:0.02", "l2"]
    whole = run(threats, suite, kind=kind)
    assert {"Crossing", "pgd"} <= {by for name in whole.threats for by in whole[name].column("attack")}
    order = torch.randperm(N, generator=torch.Generator().manual_seed(2))
    assert_same(run(threats, suite, kind=kind, rows=order.numpy() if kind == "uint8" else order), whole)
    merged = run(threats, suite, kind=kind, rows=slice(0, 10)).merge(run(threats, suite, kind=kind, rows=slice(10, N)))
    assert_same(merged, whole)

    class Killing:
        left = 12

        def begin(self, *_: Any) -> None: ...

        def passed(self, rows: int) -> None: ...

        def advance(self, done: int, broken: int) -> None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(threats, suite, kind=kind, out=tmp_path / "run", progress=Killing())
    with pytest.raises(RunError, match="finish"):
        unfooled.load(tmp_path / "run")
    assert_same(run(threats, suite, kind=kind, out=tmp_path / "run", resume=True), whole)
    assert_same(unfooled.load(tmp_path / "run"), whole)


# --- no limit ----------------------------------------------------------------------------------------------------


def test_no_limit_is_null_on_disk(tmp_path: Path) -> None:
    module, _, _ = data()
    given = run(["l2", "become:1 l2"], out=tmp_path / "run")
    read = unfooled.load(tmp_path / "run")
    assert set(read.records["radius"].to_pylist()) == {None}
    text = (tmp_path / "run" / "run.json").read_text()
    assert "Infinity" not in text
    assert [entry["radius"] for entry in json.loads(text)["threats"]] == [None, None]
    checked = verify(read, module)
    assert len(checked) == sum(read[name].broken.sum() for name in read.threats) > 0
    assert all(one.confirmed for one in checked)
    assert_same(given, read)


def test_what_needs_a_radius_is_refused_without_one() -> None:
    for threat, suite in (("l2", "standard"), ("l2", ["pgd"]), (["l2:3", "become:1 l2"], "noise")):
        with pytest.raises(InputError, match="No limit") as caught:
            run(threat, suite)
        assert "l2:3" in caught.value.do
    threat = ThreatModel(Misclassify(), Masked(L2(math.inf), Region.of(np.ones((6, 6)))))
    with pytest.raises(InputError, match="No limit"):
        check_fit([Stage("pgd", Stepping())], threat)
    module, x, y = data()
    with pytest.raises(InputError, match="No limit"):
        unfooled.attack(module, x, y, "pgd", "l2")
    found = unfooled.attack(module, x, y, Crossing(), "l2")
    assert found.reached.all()


def test_beside_one_that_needs_none_it_is_left_out_and_said_so() -> None:
    results = run(["l2:0.02", "l2"], ["uniform-noise", Crossing()])
    assert {row["threat"] for row in results.stages.to_pylist() if row["attack"] == "uniform-noise"} == {"l2:0.02"}
    assert results.run["notes"] == ["l2: uniform-noise was left out, since it needs a radius"]


def test_a_suite_may_have_an_attack_for_each_kind_of_set() -> None:
    suite = [Stage("for l2", Crossing(), "l2"), Stage("for linf", Crossing(steps=2), "linf")]
    results = run([LADDER, "l2:0.02", "l2"], suite)
    ran = {(row["threat"].partition(":")[0], row["attack"]) for row in results.stages.to_pylist()}
    assert ran == {("linf", "for linf"), ("l2", "for l2")}
    assert not results.run["notes"], "it was not left out, but meant for others"
    assert results.run["suite"]["attacks"][0].startswith("for l2 in l2: ")
    assert facts(run(["l2"], [Crossing()])).keys() == facts(run(["l2"], suite)).keys()
    with pytest.raises(InputError, match="no attack for this kind of set") as caught:
        run(["l2", "linf:0.01"], suite[:1])
    assert "linf:0.01" in str(caught.value)


def test_examples_made_elsewhere_are_judged_without_a_limit() -> None:
    module, x, y = data()
    mine = run("l2")
    given = x.clone()
    for row, stored in mine["l2"].adversarial():
        given[row] = torch.from_numpy(stored)
    judged = unfooled.judge(module, (x, y), given, ["l2:0.02,0.06", "l2"], batch=4)
    assert np.array_equal(judged["l2"].broken, mine["l2"].broken)
    for name, radius in (("l2:0.02", 0.02), ("l2:0.06", 0.06)):
        assert np.array_equal(judged[name].broken, mine["l2"].column("distance") <= radius)


def test_an_estimate_bills_it_once() -> None:
    module, x, y = data()
    found = estimate(planned(module, (x, y), [LADDER, "l2"], [Crossing()], batch=4))
    assert [(stage.threat, stage.attack) for stage in found.stages] == [("linf:0.03", "Crossing"), ("l2", "Crossing")]


# --- curves ------------------------------------------------------------------------------------------------------


def test_the_curve_is_that_of_the_closed_form_at_any_radius() -> None:
    results, wanted = run("l2"), smallest("l2")
    curve = results.curve()
    assert curve.kind == "l2"
    shares = []
    for radius in np.linspace(0, 2 * wanted[np.isfinite(wanted)].max(), 50):
        point = curve.at(radius)
        low, high = (float((np.isfinite(wanted) & (wanted * slack > radius)).mean()) for slack in (1.0, 1.02))
        assert low <= point.robust_accuracy <= high
        assert point.interval.low <= point.robust_accuracy <= point.interval.high
        shares.append(point.robust_accuracy)
    assert shares[0] == pytest.approx(1 - 3 / N)
    assert shares[-1] == 0
    assert shares == sorted(shares, reverse=True)
    right = np.sort(wanted[np.isfinite(wanted)])
    assert curve.median == pytest.approx(right[(len(right) - 1) // 2], rel=0.02)


def test_the_curve_agrees_with_the_table() -> None:
    results = run([LADDER, "l2:0.06"], [Crossing(), "pgd"])
    assert set(results.curves) == {"linf", "l2"}
    points = results.curve("linf").points
    assert [point.radius for point in points] == [0.0, *RADII]
    assert points[0].robust_accuracy == results.union().clean_accuracy
    for point, name in zip(points[1:], results.threats, strict=False):
        assert point.robust_accuracy == results[name].robust_accuracy
        assert point.interval == results[name].interval
    for wrong in (None, "l1"):
        with pytest.raises(InputError, match="curve"):
            results.curve(wrong)
    for radius in (-0.1, 0.031, math.nan):
        with pytest.raises(InputError, match="ends at"):
            results.curve("linf").at(radius)
