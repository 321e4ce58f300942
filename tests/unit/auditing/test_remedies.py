"""What a diagnosis calls for is done: hidden gradients are climbed all the same, sound nets are left alone."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from oracles import Watching, linear_case, linear_distance, state_of, state_of_process
from torch import Tensor, nn

import unfooled
from unfooled.auditing import cohorts, engine
from unfooled.core.evidence import gathered
from unfooled.core.results import Results
from unfooled.diagnose import Verdict, diagnose

WEIGHTS, BIAS, X, Y = linear_case(24, 3, (1, 6, 6))
RADIUS = 0.03


class Linear(nn.Module):
    """A linear net, with something done to its input and its scores."""

    def __init__(self, before: Any = None, after: Any = None) -> None:
        super().__init__()
        self.weights, self.bias = nn.Parameter(WEIGHTS.flatten(1).clone()), nn.Parameter(BIAS.clone())
        self.before, self.after = before, after

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.before is None else self.before(x)
        scores = x.flatten(1) @ self.weights.T + self.bias
        return scores if self.after is None else self.after(scores)


def run(model: nn.Module | Watching, **more: Any) -> Results:
    suite = {"suite": ["fgsm", "block-pgd"], "batch": 8, "keep": "none"}
    model = model if isinstance(model, Watching) else model.eval()
    return unfooled.audit(model, (X, Y), unfooled.linf(RADIUS), **suite | more)


def falling() -> Tensor:
    """Which examples the closed form says must fall."""
    return linear_distance(WEIGHTS, BIAS, X, Y, "linf") < RADIUS


def broken(results: Results) -> Tensor:
    (name,) = results.threats
    return torch.from_numpy(results[name].broken)


def fine(x: Tensor) -> Tensor:
    return (x * 4096).round() / 4096


@pytest.mark.parametrize("name", ["block-pgd, bpda", "fgsm, bpda"])
def test_rounding_is_undone_to_the_closed_form(name: str) -> None:
    blind, seeing = run(Linear(fine), diagnose=False), run(Linear(fine))
    assert not broken(blind).any() or int(broken(blind).sum()) < int(falling().sum())
    assert torch.equal(broken(seeing), falling())
    assert name in seeing.stages["attack"].to_pylist()
    (evidence,) = gathered(seeing.run)
    (row,) = evidence.remedies
    assert (row["cause"], row["cure"], row["n"]) == ("rounding", "bpda", len(X))
    assert row["fell"] == int(broken(seeing).sum() - broken(blind).sum())
    assert "more fell" in diagnose(seeing).findings[-1].sentence
    assert diagnose(seeing).verdict is Verdict.RELIABLE


def test_a_graph_that_is_cut_is_mended_and_not_refused() -> None:
    assert torch.equal(broken(run(Linear(Tensor.detach))), falling())


def test_probabilities_are_climbed_by_their_logarithms() -> None:
    results = run(Linear(after=lambda scores: scores.softmax(dim=1)))
    assert torch.equal(broken(results), falling())
    (evidence,) = gathered(results.run)
    assert [row["cure"] for row in evidence.remedies] == ["logs"]


def test_gradients_of_a_random_net_are_averaged_and_each_draw_is_paid_for() -> None:
    noisy = Linear(lambda x: x + 0.2 * torch.randn_like(x) * (1 + x))
    results = run(noisy)
    (evidence,) = gathered(results.run)
    assert [row["cure"] for row in evidence.remedies] == ["eot"]
    draws = int(evidence.remedies[0]["how"].split()[-2])
    assert 2 <= draws <= 32
    (stage,) = [one for one in results.stages.to_pylist() if one["attack"] == "fgsm, eot"]
    assert stage["backwards"] == draws * stage["tried"]


def test_where_nothing_can_stand_in_nothing_is_climbed() -> None:
    results = run(Linear(lambda x: torch.where(x > 0.5, 0.6, 0.4)))
    told = results.stages.to_pylist()
    (search, square) = [one for one in told if one["attack"].endswith("no gradients")]
    assert search["queries"] > 0
    assert search["forwards"] == search["backwards"] == square["backwards"] == 0
    assert diagnose(results).verdict is not Verdict.RELIABLE


def test_a_sound_net_is_left_alone() -> None:
    sound = Linear().eval()
    before, process = state_of(sound), state_of_process()
    results = run(sound)
    (evidence,) = gathered(results.run)
    assert not evidence.remedies
    assert results.stages["attack"].to_pylist() == ["fgsm", "block-pgd"]
    assert (state_of(sound), state_of_process()) == (before, process)


def test_the_user_s_net_is_left_as_it_was() -> None:
    hidden = Linear(fine).eval()
    before, process = state_of(hidden), state_of_process()
    run(hidden)
    assert (state_of(hidden), state_of_process()) == (before, process)
    assert not hidden._forward_hooks


def test_without_a_diagnosis_nothing_is_done() -> None:
    assert run(Linear(fine), diagnose=False).stages["attack"].to_pylist() == ["fgsm", "block-pgd"]


def test_order_changes_nothing_and_a_stopped_remedy_goes_on(tmp_path: Path) -> None:
    class Killing:
        def begin(self, threat: str, attack: str, total: int) -> None:
            if attack == "block-pgd, bpda":
                raise KeyboardInterrupt

        def passed(self, rows: int) -> None: ...
        def advance(self, done: int, broken: int) -> None: ...

    whole = run(Linear(fine))
    with pytest.raises(KeyboardInterrupt):
        run(Linear(fine), out=tmp_path / "run", progress=Killing())
    again = run(Linear(fine), out=tmp_path / "run", resume=True)
    assert again.records.equals(whole.records)
    assert again.stages.drop_columns("seconds").equals(whole.stages.drop_columns("seconds"))
    (first,), (second,) = gathered(again.run), gathered(whole.run)
    assert first.rows == second.rows
    assert first.remedies == second.remedies


# audits that may end early


def test_every_cohort_meets_what_the_first_ones_called_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagnosis after 32 of 100 examples changes nothing in what falls of the others."""
    monkeypatch.setattr(engine, "DIAGNOSED", 32)
    weights, bias, x, y = linear_case(100, 3, (1, 6, 6))
    hidden = Linear(fine)
    hidden.weights.data, hidden.bias.data = weights.flatten(1).clone(), bias.clone()
    settings = {"threats": unfooled.linf(RADIUS), "suite": ["fgsm", "block-pgd"], "batch": 8, "keep": "none"}
    ended, whole = (unfooled.audit(hidden.eval(), (x, y), **settings, **more) for more in ({"until": "0.1%"}, {}))
    assert ended.records.equals(whole.records)
    tried = {row["attack"]: row["tried"] for row in ended.stages.to_pylist()}
    assert tried == {row["attack"]: row["tried"] for row in whole.stages.to_pylist()}
    (evidence,) = gathered(ended.run)
    assert (evidence.sample, len(evidence.remedies)) == (32, 1)


@pytest.mark.parametrize(
    ("ticks", "done"), [(4, False), (20, False), (21, False), (23, False), (27, False), (99, True)]
)
def test_where_the_time_is_up_a_cure_is_only_named(monkeypatch: pytest.MonkeyPatch, ticks: int, done: bool) -> None:
    """By a clock that goes on by a second each time somebody looks at it: in the diagnosis, its remedy, the next."""
    monkeypatch.setattr(cohorts, "monotonic", itertools.count().__next__)
    results = run(Linear(fine), budget=f"{ticks}s")
    (evidence,) = gathered(results.run)
    assert bool(evidence.remedies) == done
    assert (diagnose(results).verdict is Verdict.RELIABLE) == done
    assert results.run.get("ended", {}).get("undiagnosed", False) != done
