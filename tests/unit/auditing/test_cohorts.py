"""An audit that ends early tells the truth about a random sample, and of the others nothing."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import unfooled
from unfooled.attacks import attack_named
from unfooled.auditing import cohorts as module
from unfooled.auditing.cohorts import FIRST, LARGEST, Budget, cohorts, read_budget, read_until
from unfooled.auditing.stages import Drawn, Everyone, Nearest, Stage
from unfooled.auditing.verify import verify
from unfooled.auditing.wave import attack_wave
from unfooled.cli import summary
from unfooled.core import folder
from unfooled.core.errors import InputError, RunError, UnfinishedError
from unfooled.core.rates import robbins, wilson
from unfooled.core.results import Results
from unfooled.diagnose import diagnose
from unfooled.report.gate import Outcome, judge_release
from unfooled.report.page import render
from unfooled.zoo.small import linear

N = 150
THREAT = "linf:0.03"
PGD = attack_named("pgd", steps=3)
SUITE = [Stage("pgd", PGD), Stage("near", PGD, among=Nearest(0.2)), Stage("sample", PGD, among=Drawn(40))]


def case() -> tuple[Any, Any]:
    rng = np.random.default_rng(4)
    net = linear(torch.from_numpy(rng.normal(size=(3, 1, 4, 4))))
    x = torch.from_numpy(rng.random((N, 1, 4, 4), np.float32))
    y = net(x).argmax(dim=1)
    y[::10] = (y[::10] + 1) % 3
    return net, (x, y)


def run(monkeypatch: pytest.MonkeyPatch | None = None, ticks: int | None = None, **more: Any) -> Results:
    """Audit by a clock that goes on by a second each time somebody looks at it."""
    if monkeypatch is not None:
        monkeypatch.setattr(module, "monotonic", itertools.count().__next__)
        more["budget"] = f"{ticks}s"
    settings = {"suite": SUITE, "batch": 4, "diagnose": False, "seed": 1} | more
    return unfooled.audit(*case(), settings.pop("threats", THREAT), **settings)


def facts(results: Results) -> dict[Any, Any]:
    return {(row["threat"], row["key"]): row for row in results.records.to_pylist()}


def ledger(results: Results) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in results.stages.to_pylist()]


# what people write


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (None, Budget()), (7, Budget(7)), ("7", Budget(7)), ("90s", Budget(None, 90)), ("10min", Budget(None, 600)),
        ("1.5h", Budget(None, 5400)), ("1000, 2 min", Budget(1000, 120)), ("2min,1000", Budget(1000, 120)),
    ],
)  # fmt: skip
def test_budgets_are_read(text: int | str | None, read: Budget) -> None:
    assert read_budget(text) == read


@pytest.mark.parametrize(
    "text", ["0s", "0h", "-3s", "ten", "10m", "1.5", "", "1s,2s", "3,4", "10 min 3", "1e3s", "infs"]
)
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_budget(text)


def test_no_answers_is_no_budget() -> None:
    with pytest.raises(InputError):
        run(budget="0")


def test_what_is_enough_is_read() -> None:
    names = ["linf:51/255", "l2"]
    sharp = read_until("3%", names, names[:1])
    decided = read_until("linf:0.2 robust_accuracy>=0.4", names, names[:1])
    assert sharp is not None
    assert sharp.precision == pytest.approx(0.03)
    assert decided is not None
    assert decided.requirement is not None
    assert decided.requirement.share == 0.4
    for text in ("0%", "50%", "much", "robust_accuracy<=0.4", "l2:1 robust_accuracy>=0.4"):
        with pytest.raises(InputError):
            read_until(text, names, names[:1])
    for text in ("3%", "robust_accuracy>=0.4"):
        with pytest.raises(InputError):
            read_until(text, ["l2"], [])


# cohorts


@pytest.mark.parametrize("n", [1, FIRST, FIRST + 1, 500, 3000])
def test_cohorts_double_and_hold_everybody_once(n: int) -> None:
    keys = [f"{number * 7919 % 100_003:05d}" for number in range(n)]
    found = cohorts(keys)
    assert sorted(np.concatenate(found).tolist()) == list(range(n))
    before = 0
    for rows in found[:-1]:
        assert len(rows) == (min(LARGEST, before) or FIRST)
        before += len(rows)
    taken = [[keys[row] for row in rows] for rows in found]
    assert all(max(one) < min(other) for one, other in itertools.pairwise(taken))


def test_a_part_of_a_sample() -> None:
    assert Drawn(100).part(1.0) == Drawn(100)
    assert Drawn(100).part(0.1) == Drawn(10)
    assert Drawn(3).part(0.01) == Drawn(1)
    assert Everyone().part(0.1) == Everyone()
    assert Nearest(0.2).part(0.1) == Nearest(0.2)


def test_time_enough_changes_no_verdict_of_stages_for_everyone() -> None:
    suite = ["uniform-noise", "fgsm", PGD]
    plain, budgeted = run(suite=suite), run(suite=suite, budget="1000h")
    assert facts(plain) == facts(budgeted)
    assert ledger(plain) == ledger(budgeted)
    assert "ended" not in budgeted.run
    assert not budgeted.sequential
    assert "cohorts" not in plain.run


# the time is up


def ended_early(monkeypatch: pytest.MonkeyPatch, **more: Any) -> Results:
    results = run(monkeypatch, 12, **more)
    assert FIRST <= results.run["ended"]["looked_at"] < N
    return results


def test_who_was_not_examined_is_not_in_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, part = run(budget="1000h", keep="all"), ended_early(monkeypatch, keep="all")
    seen = part.run["ended"]["looked_at"]
    keys = sorted({row["key"] for row in whole.records.to_pylist()})[:seen]
    assert sorted(part[THREAT].column("key")) == keys
    assert facts(part) == {place: row for place, row in facts(whole).items() if place[1] in keys}
    assert {name.rpartition("/")[2] for name in part.tensors} <= set(keys)
    costs = {name: int(part[THREAT].column(name).sum()) for name in ("queries", "forwards", "backwards")}
    assert costs == {name: sum(row[name] for row in ledger(part)) for name in costs}
    assert part[THREAT].interval == robbins(int(part[THREAT].robust.sum()), seen)
    assert part.curve("linf").points[0].interval == robbins(int(part[THREAT].column("clean_correct").sum()), seen)


def test_all_radii_are_of_the_same_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    part = run(monkeypatch, 25, threats=["linf:0.01,0.03", "l2:0.1"])
    assert part.run["ended"]["looked_at"] < N
    assert len({tuple(part[name].column("key")) for name in part}) == 1


def test_it_is_said_wherever_figures_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    part = ended_early(monkeypatch)
    told = f"{part.run['ended']['looked_at']} of {N} examples, drawn at random"
    console = Console(width=200, record=True, file=io.StringIO())
    summary.write(console, part)
    assert told in " ".join(console.export_text().split())
    assert told in " ".join(render(part).split())
    assert summary.as_json(part, tmp_path)["ended"] == part.run["ended"]
    folder.save(part, tmp_path / "run")
    again = folder.load(tmp_path / "run")
    assert again.sequential
    assert facts(again) == facts(part)
    assert all(one.confirmed for one in verify(again, case()[0]))


def test_the_gate_reads_the_wider_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    part = ended_early(monkeypatch)
    (judged,) = judge_release(part, [f"{THREAT} robust_accuracy>=0.01"]).judgements
    hits, n = int(part[THREAT].robust.sum()), len(part[THREAT])
    assert (judged.figures["low"], judged.figures["high"]) == robbins(hits, n)
    assert "anytime-valid" in judged.why
    assert "anytime-valid sign test" in judge_release(part, [], part).judgements[0].why


def test_a_merged_run_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    part, whole = ended_early(monkeypatch), run()
    for joined in (part.merge(whole), whole.merge(part)):
        assert joined.sequential
        assert len(joined[THREAT]) == N
        assert "drawn at random" in render(joined)


def test_attacks_that_were_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the first cohort of 32, in waves of 32: one tick for the deadline, then one a wave."""
    upper = run(monkeypatch, 3)
    assert upper.run["ended"]["not_run"] == [f"{THREAT}: near", f"{THREAT}: sample"]
    assert len(upper[THREAT]) == FIRST
    assert diagnose(upper).verdict == "cannot say"
    assert "near" in " ".join(diagnose(upper).gaps)
    gate = judge_release(upper, ["robust_accuracy>=0.0"])
    assert gate.outcome is Outcome.UNRELIABLE


@pytest.mark.parametrize("ticks", [1, 2])
def test_nothing_is_told_where_nothing_was_tried(ticks: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UnfinishedError):
        run(monkeypatch, ticks, out=tmp_path / "run")
    assert facts(run(budget="1000h", out=tmp_path / "run", resume=True)) == facts(run(budget="1000h"))


def test_more_time_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "run"
    part = ended_early(monkeypatch, out=place)
    with pytest.raises(RunError):
        run(budget="1000h", out=place)
    with pytest.raises(RunError):
        run(out=place, resume=True)
    asked: list[int] = []

    def watched(plan: Any, ladder: Any, stage: Any, wave: np.ndarray, **more: Any) -> Any:
        asked.extend(wave.tolist())
        return attack_wave(plan, ladder, stage, wave, **more)

    monkeypatch.setattr("unfooled.auditing.rounds.attack_wave", watched)
    whole = run(budget="1000h", out=place, resume=True)
    assert asked
    assert not set(part[THREAT].column("example").tolist()) & set(asked)
    assert facts(whole) == facts(run(budget="1000h"))
    assert "ended" not in whole.run
    assert not (place / "units").exists()


def test_a_diagnosis_that_was_not_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    for ticks in range(12, 30):
        part = run(monkeypatch, ticks, diagnose=True)
        if part.run["ended"]["looked_at"] == N:
            break
    assert part.run["ended"]["undiagnosed"]
    assert not part.sequential
    assert "the time was up before the diagnosis was finished" in diagnose(part).gaps
    assert part[THREAT].interval == wilson(int(part[THREAT].robust.sum()), N)


# enough is known


def test_it_stops_once_a_requirement_is_decided() -> None:
    whole = run(budget="1000h")
    share = whole[THREAT].robust_accuracy
    for asked, met in ((share / 5, True), (min(1.0, share + 0.5), False)):
        text = f"robust_accuracy>={asked:.3f}"
        results = run(until=text)
        ended = results.run["ended"]
        assert (ended["by"], ended["until"], ended["sequential"]) == ("enough", text, True)
        assert ended["looked_at"] == len(results[THREAT]) < N
        low, high = results[THREAT].interval
        assert low > asked if met else high < asked
        (judged,) = judge_release(results, [text]).judgements
        assert (judged.outcome is not Outcome.FAILED) == met


def test_it_stops_once_figures_are_sharp_enough() -> None:
    results = run(until="20%")
    low, high = results[THREAT].interval
    assert (high - low) / 2 <= 0.2
    assert results.run["ended"]["looked_at"] < N
    blunt = run(until="1%")
    assert (blunt.run["ended"]["by"], len(blunt[THREAT])) == ("data", N)
    assert blunt.sequential
