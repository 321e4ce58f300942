"""The audit as a whole: the same bits in any order, shard or resumed run; nothing believed, nothing asked twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from oracles import Watching, linear_case, linear_distance, state_of, state_of_process
from torch import Tensor

import unfooled
from unfooled.attacks import attack_named
from unfooled.auditing import referee
from unfooled.core.answer import Labels
from unfooled.core.attack import Bill, Found, Problem
from unfooled.core.batch import Batch
from unfooled.core.errors import BudgetError, InputError, RunError
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.core.threat import Ball, ThreatModel
from unfooled.goals import Become, Misclassify
from unfooled.sets.linf import Linf
from unfooled.zoo.small import linear, small_cnn

SUITE = ["uniform-noise", "fgsm", attack_named("pgd", steps=4, restarts=2), attack_named("apgd-t", steps=4, targets=2)]
N = 21


def data(kind: str = "float32", n: int = N) -> tuple[Any, Any, Any]:
    """A linear model, pictures that it reads right but for every seventh, and their labels."""
    weights, bias, x, _ = linear_case(n, 4, (1, 6, 6), seed=1, scale=3.0)
    module = linear(weights, bias)
    pixels = (x * 255).round().to(torch.uint8)
    if kind == "uint8":
        x = pixels.float() / 255
    y = module(x).argmax(dim=1)
    y[::7] = (y[::7] + 1) % 4
    return module, (pixels.numpy() if kind == "uint8" else x), y


def facts(results: Results) -> dict[Any, Any]:
    """What a run says of each example, wherever it stands."""
    return {
        (row["threat"], row["key"]): {name: value for name, value in row.items() if name != "example"}
        for row in results.records.to_pylist()
    }


def assert_same(one: Results, other: Results) -> None:
    assert facts(one) == facts(other)
    assert set(one.tensors) == set(other.tensors)
    for name in one.tensors:
        assert np.array_equal(one.tensors[name], other.tensors[name])
        assert one.tensors[name].dtype == other.tensors[name].dtype


LADDER = "linf:0.004,0.012,0.03"


def run(rows: Any = slice(None), *, kind: str = "float32", threats: Any = (LADDER, "l2:0.06"), **more: Any) -> Results:
    module, x, y = data(kind)
    settings = {"suite": SUITE, "batch": 2, "keep": "all", "diagnose": False} | more
    return unfooled.audit(settings.pop("model", module), (x[rows], y[rows]), list(threats), **settings)


@pytest.fixture(scope="module", params=["float32", "uint8"])
def whole(request: pytest.FixtureRequest) -> tuple[str, Results]:
    return request.param, run(kind=request.param)


def test_the_run_is_worth_comparing(whole: Any) -> None:
    for name in whole[1].threats:
        rows = whole[1][name]
        assert 0 < rows.broken.sum() < N - 3
        assert rows.clean_accuracy == pytest.approx(1 - 3 / N)
    attacks = {name for one in whole[1].threats for name in whole[1][one].column("attack")}
    assert len(attacks) >= 3, "more than one attack broke something"


# --- the same bits -----------------------------------------------------------------------------------------------


def test_order_changes_no_bit(whole: Any) -> None:
    order = torch.randperm(N, generator=torch.Generator().manual_seed(2))
    assert_same(run(order.numpy() if whole[0] == "uint8" else order, kind=whole[0]), whole[1])


def test_shards_change_no_bit(whole: Any) -> None:
    for cut in (1, 10):
        merged = run(slice(0, cut), kind=whole[0]).merge(run(slice(cut, N), kind=whole[0]))
        assert_same(merged, whole[1])
        assert merged.union().robust_accuracy == whole[1].union().robust_accuracy
        for name in whole[1].threats:
            assert merged[name].column("example").tolist() == list(range(N))


def test_a_folder_changes_no_bit(whole: Any, tmp_path: Path) -> None:
    on_disk = run(kind=whole[0], out=tmp_path / "run")
    assert_same(on_disk, whole[1])
    assert_same(unfooled.load(tmp_path / "run"), whole[1])
    assert on_disk.records.equals(whole[1].records)
    assert [{k: v for k, v in row.items() if k != "seconds"} for row in on_disk.stages.to_pylist()] == [
        {k: v for k, v in row.items() if k != "seconds"} for row in whole[1].stages.to_pylist()
    ]


class Killing:
    """A progress that is killed after some units of work."""

    def __init__(self, after: int) -> None:
        self.left = after

    def begin(self, threat: str, attack: str, total: int) -> None: ...

    def passed(self, rows: int) -> None:
        pass

    def advance(self, done: int, broken: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0, 8])
def test_killed_and_resumed(whole: Any, after: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(kind=whole[0], out=folder, progress=Killing(after))
    with pytest.raises(RunError, match="finish"):
        unfooled.load(folder)
    with pytest.raises(KeyboardInterrupt):
        run(kind=whole[0], out=folder, progress=Killing(after + 2), resume=True)
    resumed = run(kind=whole[0], out=folder, resume=True)
    assert_same(resumed, whole[1])
    assert_same(unfooled.load(folder), whole[1])


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    module, _, _ = data()
    whole, first, second = (Watching(module) for _ in range(3))
    run(model=whole)
    with pytest.raises(KeyboardInterrupt):
        run(model=first, out=tmp_path / "run", progress=Killing(8))
    run(model=second, out=tmp_path / "run", resume=True)
    assert first.rows > whole.rows / 5
    assert second.rows < whole.rows
    assert first.rows + second.rows <= whole.rows + 4, "only the check at the door is made twice"


def test_a_unit_cut_short_is_done_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path / "run", progress=Killing(5))
    units = sorted((tmp_path / "run" / "units").iterdir())
    assert len(units) >= 5
    units[0].write_bytes(units[0].read_bytes()[:20])
    units[1].write_bytes(b"")
    assert_same(run(out=tmp_path / "run", resume=True), run())


def test_batch_sizes_agree_where_no_margin_is_a_tie() -> None:
    module = small_cnn(0)
    x = torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    y = module(x).argmax(dim=1)
    runs = [
        unfooled.audit(
            module, (x, y), "linf:0.02,0.04", ["fgsm", attack_named("pgd", steps=5)], batch=batch, keep="all"
        )
        for batch in (1, 7, 64)
    ]
    sure = [np.abs(one.records["margin"].to_numpy()) > 1e-4 for one in runs]
    flags = [one.records["broken"].to_numpy(zero_copy_only=False) for one in runs]
    for index in (1, 2):
        both = sure[0] & sure[index]
        assert both.mean() > 0.9
        assert np.array_equal(flags[0][both], flags[index][both])
    assert 0 < flags[0].sum() < len(flags[0])


def test_another_seed_draws_anew() -> None:
    one, other = (run(threats=["linf:0.012"], suite=["uniform-noise"], seed=seed) for seed in (0, 1))
    kept = [name for name in one.tensors if name.startswith("x_adv")]
    assert kept
    assert all(not np.array_equal(one.tensors[name], other.tensors[name]) for name in kept)


def test_the_audit_leaves_no_trace() -> None:
    module, x, y = data()
    given, of_model, of_process = x.clone(), state_of(module), state_of_process()
    unfooled.audit(module, (x, y), "linf:0.01", SUITE, batch=4)
    assert torch.equal(x, given)
    assert state_of(module) == of_model
    assert state_of_process() == of_process


# --- radii -------------------------------------------------------------------------------------------------------


def test_a_ladder_only_falls_and_carries_for_nothing(whole: Any) -> None:
    results = whole[1]
    names = [name for name in results.threats if name.startswith("linf")]
    assert len(names) == 3
    for small, large in itertools.pairwise(names):
        below, above = results[small], results[large]
        assert above.robust_accuracy <= below.robust_accuracy
        assert (above.broken | ~below.broken).all()
        for row in np.flatnonzero(below.broken):
            assert above.queries[row] == above.forwards[row] == above.backwards[row] == 0
            for column in ("attack", "distance", "margin", "adv_label", "adv_confidence"):
                assert above.column(column)[row] == below.column(column)[row]
            key = below.column("key")[row]
            assert np.array_equal(results.tensors[f"x_adv/{small}/{key}"], results.tensors[f"x_adv/{large}/{key}"])
    assert results[names[-1]].broken.sum() > results[names[0]].broken.sum()


def test_a_ladder_may_be_given_upside_down() -> None:
    down = run(threats=["linf:0.03", "linf:0.004,0.012"])
    up = run(threats=[LADDER])
    assert facts(down) == facts(up)
    assert down.threats[0] == "linf:0.03"


def test_other_goals_and_sets_climb_their_own_ladder() -> None:
    results = run(threats=["linf:0.03", "become:1 linf:0.03", "l2:0.06"], suite=["fgsm"])
    assert (results["become:1 linf:0.03"].forwards[~results["become:1 linf:0.03"].broken] > 0).any()
    untargeted, targeted = results["linf:0.03"], results["become:1 linf:0.03"]
    assert not targeted.forwards[~targeted.column("clean_correct")].any(), "what was read wrong is not attacked"
    assert targeted.broken.sum() < untargeted.broken.sum()


def test_the_answer_is_that_of_the_closed_form() -> None:
    weights, bias, x, y = linear_case(N, 4, (1, 6, 6), seed=1, scale=3.0)
    smallest = linear_distance(weights, bias, x, y, "linf").numpy()
    radii = [0.004, 0.012, 0.03]
    results = unfooled.audit(linear(weights, bias), (x, y), LADDER, ["apgd-ce", "apgd-t"], batch=16)
    for name, radius in zip(results.threats, radii, strict=True):
        rows = results[name]
        assert not rows.broken[smallest > 1.01 * radius].any()
        assert rows.broken[smallest < 0.99 * radius].all()
        assert (rows.column("radius") == radius).all()
        assert (rows.column("distance")[rows.broken] <= radius + 1e-6).all()
        assert (rows.column("margin")[rows.broken] > 0).all()
        assert (rows.column("margin")[~rows.broken] <= 0).all()


# --- the referee -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cheat:
    """Claims every example, by one of several tricks."""

    trick: str
    needs: ClassVar[Access] = Access.DECISION
    nearest: ClassVar[bool] = False

    def bill(self, classes: int) -> Bill:
        return Bill(0, 0, 0)

    def __call__(self, problem: Problem[Ball]) -> Found:
        x = problem.x.values
        weights, bias, _, _ = linear_case(N, 4, (1, 6, 6), seed=1, scale=3.0)
        scores = x.flatten(1) @ weights.flatten(1).T + bias
        rival = scores.scatter(1, problem.y.unsqueeze(1), -torch.inf).argmax(dim=1)
        direction = (weights[rival] - weights[problem.y]).sign()
        values = {
            "one per cent more": x + 1.01 * problem.within.radius * direction,
            "far outside": (x + 0.4 * direction),
            "beyond the range": x + 10 * direction,
            "nothing": x,
            "no numbers": torch.full_like(x, torch.nan),
            "infinite": torch.full_like(x, torch.inf),
            "exact": x + 0.9999 * problem.within.radius * direction,
        }[self.trick]
        sure = torch.ones(len(x), dtype=torch.bool)
        return Found(problem.x.holding(values), sure, torch.full((len(x),), 1e9))


def honest_radius() -> float:
    """A radius at which the model falls to 1 % more, on most examples, and to itself on none of them."""
    weights, bias, x, y = linear_case(N, 4, (1, 6, 6), seed=1, scale=3.0)
    return float(linear_distance(weights, bias, x, y, "linf").median()) / 1.005


@pytest.mark.parametrize(
    "trick", ["one per cent more", "far outside", "beyond the range", "nothing", "no numbers", "infinite"]
)
@pytest.mark.parametrize("keep", ["broken", "all"])
def test_who_cheats_scores_nothing(trick: str, keep: str) -> None:
    weights, bias, x, y = linear_case(N, 4, (1, 6, 6), seed=1, scale=3.0)
    smallest = linear_distance(weights, bias, x, y, "linf")
    row = int(smallest.argsort()[N // 2])
    rows = slice(row, row + 1)
    threat = Linf(float(smallest[row]) / 1.005)
    module = linear(weights, bias)
    results = unfooled.audit(module, (x[rows], y[rows]), threat, [Cheat(trick)], keep=keep)
    assert not results.union().broken.any()
    assert not results.union().broken_float32.any()
    (stage,) = results.stages.to_pylist()
    assert (stage["tried"], stage["proposed"], stage["broken"]) == (1, 1, 0), "what it believed, what was confirmed"
    fair = unfooled.audit(module, (x[rows], y[rows]), Linf(float(smallest[row]) * 1.005), [Cheat("exact")])
    assert fair.union().broken.any(), "the same step where it is allowed"


def test_a_cheat_takes_nothing_from_the_honest() -> None:
    """Neither their hits nor the place of the best proposal: what is shown lies in the set."""
    module, x, y = data()
    radius = 0.012
    tricks = [Cheat("far outside"), Cheat("no numbers"), Cheat("one per cent more")]
    alone = unfooled.audit(module, (x, y), Linf(radius), SUITE, batch=4, keep="all")
    mixed = unfooled.audit(module, (x, y), Linf(radius), [*tricks, *SUITE, *tricks], batch=4, keep="all")
    assert facts(alone) == facts(mixed)
    rows = mixed.union()
    tried = rows.column("clean_correct")
    assert (rows.column("distance")[tried] <= radius + 1e-6).all()
    assert (rows.column("margin")[tried & ~rows.broken] <= 0).all()
    for _, stored in rows.adversarial():
        assert np.isfinite(stored).all()
    for name in alone.tensors:
        assert np.array_equal(alone.tensors[name], mixed.tensors[name])


def test_only_a_cheat_is_shown_as_no_proposal() -> None:
    rows = run(threats=["linf:0.012"], suite=[Cheat("far outside")], keep="all").union()
    assert not rows.broken.any()
    assert np.isnan(rows.column("margin").astype(float)).all()


@pytest.mark.parametrize(("quorum", "broken"), [(0.25, True), (0.5, True), (0.75, False), (1.0, False)])
def test_a_random_model_is_judged_by_several_draws(quorum: float, broken: bool) -> None:
    """Every other draw is fooled."""
    calls = itertools.count()

    def flipping(values: Tensor) -> Tensor:
        wrong = next(calls) % 2
        return torch.tensor([[1.0 - wrong, float(wrong)]]).repeat(len(values), 1)

    x = Batch(torch.full((3, 1, 2, 2), 0.5), torch.arange(3))
    threat = ThreatModel(Misclassify(), Linf(0.1), trials=4, quorum=quorum)
    verdict = referee.judge(Watching(flipping), threat, x, x, torch.zeros(3, dtype=torch.int64))
    assert verdict.hits.tolist() == [2, 2, 2]
    assert verdict.broken.tolist() == [broken] * 3


def test_a_quorum_is_counted_in_whole_trials() -> None:
    """7 of 100 are a share of 0.07, although 0.07 * 100 is a little more than 7 in floats."""
    calls = itertools.count()

    def seldom(values: Tensor) -> Tensor:
        wrong = float(next(calls) < 7)
        return torch.tensor([[1.0 - wrong, wrong]]).repeat(len(values), 1)

    x = Batch(torch.full((1, 1, 2, 2), 0.5), torch.arange(1))
    threat = ThreatModel(Misclassify(), Linf(0.1), trials=100, quorum=0.07)
    verdict = referee.judge(Watching(seldom), threat, x, x, torch.zeros(1, dtype=torch.int64))
    assert verdict.hits.tolist() == [7]
    assert verdict.broken.tolist() == [True]


def test_what_a_png_holds_is_also_float32(whole: Any) -> None:
    for name in whole[1].threats:
        rows = whole[1][name]
        assert (rows.broken_float32 | ~rows.broken).all()
        if whole[0] == "float32":
            assert np.array_equal(rows.broken, rows.broken_float32)


def test_rounding_can_save_an_example() -> None:
    """On the smallest of steps the file's rounding matters: fewer fall in png8 than in float32."""
    results = run(kind="uint8", threats=["linf:0.0035,0.0065"], suite=["apgd-ce"])
    saved = sum(int((results[name].broken_float32 & ~results[name].broken).sum()) for name in results.threats)
    assert saved > 0
    for name in results.threats:
        for row, stored in results[name].adversarial():
            x = results.tensors[f"x/{results[name].column('key')[row]}"]
            assert stored.dtype == x.dtype == np.uint8
            levels = np.abs(stored.astype(int) - x).max()
            assert levels <= int(255 * results[name].column("radius")[row])


# --- who is asked ------------------------------------------------------------------------------------------------


class Diary:
    """A progress and a model in one: writes down which attack asked about which example."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self.model = Watching(function)
        self.stages: list[tuple[str, str]] = []
        self.marks: list[int] = []

    def begin(self, threat: str, attack: str, total: int) -> None:
        self.stages.append((threat, attack))
        self.marks.append(len(self.model.ids))

    def passed(self, rows: int) -> None:
        pass

    def advance(self, done: int, broken: int) -> None: ...

    def asked(self) -> dict[tuple[str, str], list[int]]:
        ends = [*self.marks[1:], len(self.model.ids)]
        return {
            stage: self.model.ids[start:end]
            for stage, start, end in zip(self.stages, self.marks, ends, strict=True)
        }  # fmt: skip


def test_who_fell_is_never_asked_about_again() -> None:
    module, x, y = data()
    diary = Diary(module)
    suite = ["uniform-noise", "fgsm", attack_named("pgd", steps=4)]
    results = unfooled.audit(diary.model, (x, y), LADDER, suite, batch=1, progress=diary)
    asked = diary.asked()
    ids = unfooled.auditing.examples.read_examples((x, y)).ids.tolist()
    wrong = {
        one for one, right in zip(ids, results[results.threats[0]].column("clean_correct"), strict=True) if not right
    }
    fallen = set(wrong)
    for name in results.threats:
        rows = results[name]
        attacks = rows.column("attack")
        for stage in suite:
            stage_name = stage if isinstance(stage, str) else type(stage).__name__
            about = set(asked.get((name, stage_name), []))
            assert not about & fallen
            assert about == set(ids) - fallen, "and all others are"
            fallen |= {one for one, attack in zip(ids, attacks, strict=True) if attack == stage_name}
    assert len(fallen) > len(wrong)


def test_the_costs_are_what_the_model_saw() -> None:
    """Each row asked is the clean pass, a judgement, or billed to its example."""
    module, x, y = data()
    diary = Diary(module)
    results = unfooled.audit(diary.model, (x, y), "linf:0.012", ["fgsm", "uniform-noise"], batch=1, progress=diary)
    rows = results.union()
    ids = unfooled.auditing.examples.read_examples((x, y)).ids.tolist()
    asked = diary.asked()
    for attack, column in (("fgsm", "forwards"), ("uniform-noise", "queries")):
        seen = asked["linf:0.012", attack]
        tried = set(seen)
        bill = [seen.count(one) - (1 if one in tried else 0) for one in ids]
        assert bill == rows.column(column).tolist()
    totals = {row["attack"]: row for row in results.stages.to_pylist()}
    assert totals["fgsm"]["forwards"] == rows.forwards.sum()
    assert totals["fgsm"]["backwards"] == rows.backwards.sum()
    assert totals["uniform-noise"]["queries"] == rows.queries.sum()
    assert totals["fgsm"]["tried"] == rows.column("clean_correct").sum()
    assert totals["uniform-noise"]["tried"] == totals["fgsm"]["tried"] - totals["fgsm"]["broken"]
    assert sum(row["broken"] for row in totals.values()) == rows.broken.sum()


@pytest.mark.parametrize("budget", [1, 4, 15])
def test_one_budget_for_the_whole_suite(budget: int) -> None:
    results = run(threats=["linf:0.004", "l2:0.02"], budget=budget)
    for name in results.threats:
        rows = results[name]
        spent = rows.queries + rows.forwards
        assert spent.max() == budget
        assert (spent[rows.column("clean_correct") & ~rows.broken] == budget).all()
    assert all(entry["budget"] == budget for entry in results.run["threats"])


def test_an_attack_that_overspends_is_stopped() -> None:
    @dataclass(frozen=True)
    class Greedy(Cheat):
        trick: str = "nothing"

        def __call__(self, problem: Problem[Ball]) -> Found:
            for _ in range(5):
                problem.target.answer(problem.x, problem.everyone())
            return super().__call__(problem)

    with pytest.raises(BudgetError, match="more than 3"):
        run(threats=["linf:0.004"], suite=[Greedy()], budget=3)


def test_an_attacker_who_sees_labels_gets_no_more() -> None:
    for access, wanted in (
        (Access.DECISION, {"uniform-noise"}), (Access.SCORES, {"uniform-noise"}), (Access.GRADIENT, None),
    ):  # fmt: skip
        results = run(threats=["linf:0.004"], access=access)
        ran = {row["attack"] for row in results.stages.to_pylist()}
        if wanted is None:
            assert len(ran) == len(SUITE)
            continue
        assert ran == wanted
        assert not results.union().forwards.any()
        assert results.run["threats"][0]["access"] == access.name.lower()
        assert any("fgsm" in note for note in results.run["notes"])


# --- odd data ----------------------------------------------------------------------------------------------------


def test_nothing_read_right_is_nothing_to_attack(tmp_path: Path) -> None:
    module, x, _ = data()
    y = (module(x).argmax(dim=1) + 1) % 4
    results = unfooled.audit(module, (x, y), LADDER, SUITE, out=tmp_path / "run")
    for name in results.threats:
        rows = unfooled.load(tmp_path / "run")[name]
        assert rows.clean_accuracy == rows.robust_accuracy == 0
        assert not rows.broken.any()
        assert not (rows.queries + rows.forwards).any()
        assert np.isnan(rows.column("distance").astype(float)).all()
    assert results.stages.num_rows == 0
    assert len(results.tensors) == 0


@pytest.mark.parametrize("batch", [1, 16])
def test_a_single_example(batch: int) -> None:
    module, x, y = data()
    for rows in (slice(0, 1), slice(1, 2)):
        results = unfooled.audit(module, (x[rows], y[rows]), "linf:0.03", SUITE, batch=batch)
        assert len(results.union()) == 1
        assert results.union().clean_accuracy == float(rows.start == 1)


def test_repeats_of_an_example_agree() -> None:
    module, x, y = data()
    twice = torch.tensor([1, 2, 1, 3, 1])
    rows = unfooled.audit(module, (x[twice], y[twice]), "linf:0.012", SUITE, batch=4, keep="all").union()
    assert len(set(rows.column("key"))) == 5
    for column in ("broken", "attack", "distance", "margin", "forwards"):
        assert len({str(rows.column(column)[one]) for one in (0, 2, 4)}) == 1


@pytest.mark.parametrize("sees", ["scores", "labels"])
def test_who_is_there_already_needs_no_attack(sees: str) -> None:
    """Pictures of the class that they should become: neither attacked nor counted as fooled."""

    class Told(Watching):
        def answer(self, x: Batch) -> Any:
            answer = super().answer(x)
            return Labels(answer.labels) if sees == "labels" else answer

    module, x, y = data()
    y = module(x).argmax(dim=1)
    target = int(y.mode().values)
    threat = ThreatModel(Become(target), Linf(0.03), access=Access.DECISION)
    results = unfooled.audit(Told(module), (x, y), threat, ["corner-noise"], batch=4)
    rows = results.union()
    there = (y == target).numpy()
    assert 0 < there.sum() < N
    assert not rows.broken[there].any()
    assert not rows.queries[there].any()
    assert (rows.queries[~there] > 0).all()


def test_what_is_kept() -> None:
    module, x, y = data()
    runs = {
        keep: unfooled.audit(module, (x, y), "linf:0.012", SUITE, batch=4, keep=keep)
        for keep in ("none", "broken", "all")
    }
    broken = runs["all"].union()
    keys = broken.column("key")
    tried = broken.column("clean_correct")
    for results in runs.values():
        assert facts(results) == facts(runs["all"])
    assert not runs["none"].tensors
    assert set(runs["broken"].tensors) == {
        f"{kind}{key}" for key in keys[broken.broken] for kind in ("x/", "x_adv/linf:0.012/")
    }
    assert set(runs["all"].tensors) == {f"x/{key}" for key in keys} | {f"x_adv/linf:0.012/{key}" for key in keys[tried]}
    for row, stored in broken.adversarial():
        assert np.abs(stored - x[row].numpy()).max() == pytest.approx(broken.column("distance")[row], abs=1e-7)
        scores = module(torch.from_numpy(stored)[None])[0].detach()
        assert int(scores.argmax()) == broken.column("adv_label")[row]
        rival = scores.clone()
        rival[y[row]] = -torch.inf
        assert float(rival.max() - scores[y[row]]) == pytest.approx(broken.column("margin")[row], abs=1e-4)
        assert float(scores.softmax(0).max()) == pytest.approx(broken.column("adv_confidence")[row], abs=1e-5)
    clean = module(x).detach().softmax(dim=1).amax(dim=1)
    assert broken.column("clean_confidence").tolist() == pytest.approx(clean.tolist(), abs=1e-5)


# --- folders -----------------------------------------------------------------------------------------------------


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    first = run(out=tmp_path / "run", threats=["linf:0.004"])
    with pytest.raises(RunError, match="holds a run"):
        run(out=tmp_path / "run", threats=["linf:0.004"])
    module, _, _ = data()
    model = Watching(module)
    with pytest.raises(RunError, match="model"):
        run(out=tmp_path / "run", threats=["linf:0.004"], resume=True, model=model)
    again = run(out=tmp_path / "run", threats=["linf:0.004"], resume=True)
    assert_same(again, first)
    assert not (tmp_path / "run" / "units").exists()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "seed"),
        ({"batch": 3}, "batch"),
        ({"keep": "none"}, "keep"),
        ({"threats": ["linf:0.005"]}, "threats"),
        ({"suite": ["fgsm"]}, "suite"),
        ({"budget": 9}, "threats"),
        ({"rows": slice(1, N)}, "data"),
    ],
)
def test_other_settings_are_not_resumed(changed: dict[str, Any], named: str, tmp_path: Path) -> None:
    same = {"threats": ["linf:0.004"], "out": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        run(progress=Killing(1), **same)
    with pytest.raises(RunError, match=named) as caught:
        run(**(same | {"resume": True} | changed))
    assert str(caught.value).count(",") <= 1, "and nothing that did not change"
    run(resume=True, **same)


def test_other_weights_are_not_resumed(tmp_path: Path) -> None:
    module, _, _ = data()
    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path / "run", progress=Killing(1))
    with torch.no_grad():
        next(module.parameters())[0, 0] += 1e-6
    with pytest.raises(RunError, match="model"):
        run(out=tmp_path / "run", model=module, resume=True)


def test_two_threats_of_one_name_and_unknown_settings() -> None:
    for more in (
        {"threats": ["linf:0.1", "linf:0.10"]},
        {"threats": []},
        {"keep": "some"},
        {"seed": -1},
        {"batch": 0},
        {"budget": 0},
        {"threats": ["become:9 linf:0.1"]},
        {"suite": []},
        {"suite": "strongest"},
        {"suite": ["nothing"]},
        {"threats": ["top-2 linf:0.1"], "access": Access.DECISION},
    ):
        with pytest.raises(InputError) as caught:
            run(**more)  # type: ignore[arg-type]
        assert caught.value.do


# --- examples made elsewhere -------------------------------------------------------------------------------------


def test_given_examples_are_judged_like_our_own() -> None:
    module, x, y = data()
    mine = unfooled.audit(module, (x, y), "linf:0.012", SUITE, batch=4, keep="all")
    given = x.clone()
    for row, stored in mine.union().adversarial():
        given[row] = torch.from_numpy(stored)
    judged = unfooled.judge(module, (x, y), given, "linf:0.012", source="elsewhere", batch=4)
    assert np.array_equal(judged.union().broken, mine.union().broken)
    assert set(judged.union().column("attack")) == {None, "elsewhere"} or set(judged.union().column("attack")) == {
        None, "Given",
    }  # fmt: skip
    assert not (judged.union().queries + judged.union().forwards).any()
    first = int(np.flatnonzero(mine.union().broken)[0])
    given[first] = given[first] + 0.02 * (given[first] - x[first]).sign()
    outside = unfooled.judge(module, (x, y), given, "linf:0.012", batch=4)
    assert not outside.union().broken[first], "it fools the model, from outside the ball"
    assert outside.union().broken.sum() == mine.union().broken.sum() - 1
    merged = unfooled.audit(module, (x, y), "linf:0.012", ["uniform-noise"], batch=4).merge(judged)
    assert merged.union().robust_accuracy <= mine.union().robust_accuracy


def test_given_examples_of_repeats_are_each_judged() -> None:
    """The same picture twice with two proposals: one fools the model, the other is the picture itself."""
    module, x, y = data()
    mine = unfooled.audit(module, (x, y), "linf:0.012", SUITE, batch=4, keep="all").union()
    row = int(np.flatnonzero(mine.broken)[0])
    fooling = torch.from_numpy(dict(mine.adversarial())[row])
    for proposals, wanted in (
        (torch.stack([fooling, x[row]]), [True, False]),
        (torch.stack([x[row], fooling]), [False, True]),
    ):
        pair = torch.tensor([row, row])
        judged = unfooled.judge(module, (x[pair], y[pair]), proposals, "linf:0.012").union()
        assert judged.broken.tolist() == wanted


def test_proposals_that_do_not_fit_are_refused() -> None:
    module, x, y = data()
    for wrong in (x[:-1], x[:, :, :5], torch.cat([x, x])):
        with pytest.raises(InputError, match="proposal"):
            unfooled.judge(module, (x, y), wrong, "linf:0.01")


# --- one attack, one batch ---------------------------------------------------------------------------------------


def test_one_attack_on_one_batch() -> None:
    module, x, y = data()
    y = module(x).argmax(dim=1)
    found = unfooled.attack(module, x, y, "pgd", "linf:0.012", steps=5)
    assert Linf(0.012).contains(found.x_adv, Batch(x, torch.arange(N))).all()
    assert torch.equal(module(found.x_adv.values).argmax(dim=1) != y, found.reached)
    again = unfooled.attack(module, x, y, attack_named("pgd", steps=5), Linf(0.012))
    assert torch.equal(again.x_adv.values, found.x_adv.values)
    other = unfooled.attack(module, x, y, "pgd", "linf:0.012", steps=5, seed=1)
    assert not torch.equal(other.x_adv.values, found.x_adv.values)
    rows = unfooled.audit(module, (x, y), "linf:0.012", [attack_named("pgd", steps=5)], batch=16).union()
    assert np.array_equal(rows.broken, found.reached.numpy())
    start = (x + 0.012 * torch.ones_like(x)).clamp(0, 1)
    with pytest.raises(InputError, match="radius of 0"):
        unfooled.attack(module, x, y, "fgsm", "linf:0.0")
    one, two = (unfooled.attack(module, x, y, "fgsm", "linf:0.012", start=one, loss="margin") for one in (x, start))
    assert one.trace is not None
    assert two.trace is not None
    assert not torch.equal(one.trace[0], two.trace[0]), "it begins at the start"
    with pytest.raises(InputError, match="speed"):
        unfooled.attack(module, x, y, "pgd", "linf:0.012", speed=3)
    with pytest.raises(InputError, match="radii"):
        unfooled.attack(module, x, y, "pgd", "linf:0.01,0.02")


def test_one_attack_keeps_its_settings() -> None:
    attack = attack_named("pgd", steps=5)
    told = repr(attack), hash(attack)
    module, x, y = data()
    unfooled.attack(module, x, y, attack, "linf:0.012", steps=3)
    assert (repr(attack), hash(attack)) == told
    assert replace(attack, steps=3) != attack  # type: ignore[type-var]
