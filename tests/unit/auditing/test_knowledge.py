"""One audit of several attackers: who sees more does no worse, and everything knows who saw what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import unfooled
from unfooled.auditing.named_suites import read_suites
from unfooled.auditing.planned import planned
from unfooled.auditing.threats import by_knowledge, read_threats, who_sees_more
from unfooled.auditing.verify import verify
from unfooled.cli.summary import as_json
from unfooled.core.errors import InputError
from unfooled.core.names import named
from unfooled.core.results import Results
from unfooled.core.target import Access
from unfooled.core.threat import ThreatModel
from unfooled.modalities.carriers import Float32
from unfooled.report import render, tables
from unfooled.report.gate import judge_release
from unfooled.report.knowledge import by_knowledge as in_report

BALL = "linf:0.1"
SIGHTS = (BALL, f"{BALL} by scores", f"{BALL} by labels")


class Stairs(nn.Module):
    """Two classes by the mean of a picture, told in steps: gradients are zero, and small moves change no score."""

    def forward(self, x: Tensor) -> Tensor:
        score = ((x.flatten(1).mean(dim=1) - 0.5) * 20).floor() + 0.5
        return torch.stack([-score, score], dim=1)


MODEL = Stairs().eval()


def data(n: int = 12) -> tuple[Tensor, Tensor]:
    x = torch.rand(n, 1, 5, 5, generator=torch.Generator().manual_seed(1)) * 0.2 + 0.4
    level = torch.linspace(0.32, 0.68, n).view(-1, 1, 1, 1)
    x = x - x.flatten(1).mean(dim=1).view(-1, 1, 1, 1) + level
    return x, (level.flatten() > 0.5).long()


def run(**settings: object) -> Results:
    settings = {"suite": ["pgd", "rays"], "budget": 200, "diagnose": False, "keep": "all"} | settings
    return unfooled.audit(MODEL, data(), BALL, knowledge=True, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def results() -> Results:
    """An audit of a model that tells nothing by its gradients."""
    return run()


def seen_by(*sights: Access) -> list[ThreatModel]:
    (threat,) = read_threats(BALL, Float32())
    return [replace(threat, access=access) for access in sights]


def test_everybody_is_asked_about_and_nobody_does_worse_for_knowing_more(results: Results) -> None:
    assert tuple(results.threats) == SIGHTS
    seen, scores, labels = (results[name].broken for name in SIGHTS)
    assert labels.any()
    assert (seen >= scores).all()
    assert (scores >= labels).all()


def test_what_is_carried_says_by_what_it_fell_and_cost_nothing_there() -> None:
    """Gradients are zero: what falls to whoever has the model fell to one who saw labels."""
    stages = [
        stage._replace(access=access)
        for access, name in ((Access.GRADIENT, "pgd"), (Access.DECISION, "rays"))
        for stage in read_suites([name], seen_by(access))[1]
    ]
    found = unfooled.audit(MODEL, data(), [BALL, SIGHTS[2]], stages, diagnose=False, keep="all", budget=200)
    mine, theirs = found[BALL], found[SIGHTS[2]]
    assert np.array_equal(mine.broken, theirs.broken)
    assert set(mine.column("attack")[mine.broken]) == {"rays"}
    assert int(mine.queries.sum()) == 0 < int(theirs.queries.sum())
    assert {row["threat"] for row in found.stages.to_pylist() if row["attack"] == "rays"} == {SIGHTS[2]}
    assert all(one.confirmed for one in verify(found, MODEL))


def test_a_run_resumes_merges_and_passes_the_gate(results: Results, tmp_path: Path) -> None:
    first = run(out=tmp_path / "run")
    again = run(out=tmp_path / "run", resume=True)
    assert again.records.equals(first.records)
    merged = unfooled.load(tmp_path / "run").merge(first)
    assert merged.threats == first.threats
    assert merged[SIGHTS[1]].broken.tolist() == first[SIGHTS[1]].broken.tolist()
    judged = judge_release(first, [f"{SIGHTS[2]} robust_accuracy>=0.99", "robust_accuracy>=0.99"])
    assert [one.threat for one in judged.judgements] == [SIGHTS[2], *SIGHTS]
    assert all(one.confirmed for one in verify(first, MODEL))


def test_the_page_the_terminal_and_programs_are_told(results: Results) -> None:
    threats = tables.threats(results)
    (found,) = in_report({name: tables.score(results[name]) for name in threats}, threats)
    shares = [score.share for _, score in found.lines]
    assert found.question == BALL
    assert shares == sorted(shares)
    told = as_json(results, Path("run"))["knowledge"][0]["lines"]
    assert [line["access"] for line in told] == ["gradient", "scores", "decision"]
    assert [line["robust_accuracy"] for line in told] == shares
    page = render(results)
    assert "What the attacker knows" in page
    assert "a copy of the model" in page


def test_a_model_that_tells_labels_alone_is_put_one_question() -> None:
    threats = read_threats(BALL, Float32())
    assert [threat.name for threat in by_knowledge(threats, Access.DECISION)] == [SIGHTS[2]]
    assert [threat.name for threat in by_knowledge(threats, Access.GRADIENT)] == list(SIGHTS)
    top = read_threats("top-2 linf:0.1", Float32())
    assert Access.DECISION not in {threat.access for threat in by_knowledge(top, Access.GRADIENT)}


def test_threats_of_one_question_are_paired_from_those_who_see_least() -> None:
    threats = read_threats([SIGHTS[1], BALL, "l2:1 by labels", SIGHTS[2]], Float32())
    assert who_sees_more(threats) == [(3, 0), (0, 1)]
    assert [threat.access for threat in threats] == [Access.SCORES, Access.GRADIENT, Access.DECISION, Access.DECISION]
    assert who_sees_more([replace(threats[0], budget=5), threats[1]]) == [], "another budget is another question"


def test_each_attacker_gets_a_suite_of_their_own() -> None:
    everybody = seen_by(*Access)
    name, stages = read_suites("standard", everybody)
    assert name == "standard"
    assert {stage.access for stage in stages} == set(Access)
    assert {stage.name for stage in stages if stage.access is Access.DECISION} == {"rays", "hop-skip-jump", "geoda"}
    assert all(stage.attack.needs <= (stage.access or 0) or stage.access is Access.GRADIENT for stage in stages)
    assert {stage.access for stage in read_suites(["pgd", "rays"], everybody)[1]} == {None}, "a list is for everybody"
    assert read_suites("standard", seen_by(Access.SCORES))[0] == "scores"
    noise = [stage.name for stage in read_suites("noise", everybody)[1]]
    assert noise == ["uniform-noise", "corner-noise"] * 3, "who can use all of a suite has it too"


def test_balls_and_motions_are_audited_together_each_by_its_own_suite() -> None:
    threats = ["linf:0.1", "rotate:20"]
    together = unfooled.audit(MODEL, data(), threats, budget=60, diagnose=False)
    stages = together.stages.to_pylist()
    assert {stage["attack"] for stage in stages if stage["threat"] == "rotate:20"} <= {"grid", "spatial-pgd"}
    for threat in threats:
        alone = unfooled.audit(MODEL, data(), threat, budget=60, diagnose=False)
        assert alone[threat].broken.tolist() == together[threat].broken.tolist(), threat


def test_a_name_is_found_with_and_without_what_is_seen() -> None:
    assert named(SIGHTS, "linf:1/10") == BALL
    assert named(SIGHTS, "linf:1/10 by labels") == SIGHTS[2]
    assert named(SIGHTS[2:], BALL) == SIGHTS[2]
    with pytest.raises(InputError, match="Several threats"):
        named(SIGHTS[1:], BALL)
    with pytest.raises(InputError, match="No such threat"):
        named(SIGHTS, "linf:0.2 by labels")


@pytest.mark.parametrize("text", ["linf:0.1 by magic", "linf:0.1 by", "by labels", "become:1 l2:1 x by labels"])
def test_what_nobody_can_see_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_threats(text, Float32())


def test_under_one_radius_nothing_is_asked_after_the_first_success() -> None:
    """At several radii the search goes on, since each of them is answered by the nearest success."""
    suite = [unfooled.attack_named("rays", queries=150)]
    spent = {}
    for threats in ("linf:0.1", "linf:0.1,0.2"):
        found = unfooled.audit(MODEL, data(), threats, suite, access=Access.DECISION, diagnose=False)
        last = found[found.threats[-1]]
        fell = last.broken
        spent[threats] = last.queries[fell], last.column("asked")[fell]
        close = tables.lines(found, tables.threats(found))[0].close
        assert close is (threats != "linf:0.1")
    asked, first = spent["linf:0.1"]
    assert np.array_equal(asked, first)
    assert (spent["linf:0.1,0.2"][0] == 150).all()


def test_a_budget_of_nothing_and_a_label_that_is_the_target_are_told() -> None:
    with pytest.raises(InputError, match="at least one answer"):
        planned(MODEL, data(), BALL, ["rays"], budget=0)
    found = unfooled.audit(MODEL, data(), "become:1 linf:0.2 by labels", ["rays"], budget=100)
    rows = next(iter(found[name] for name in found))
    own = rows.column("y") == 1
    assert own.any()
    assert (rows.queries[own] == 0).all(), "who is of the wanted class already is not attacked"
    assert not rows.broken[own].any()
