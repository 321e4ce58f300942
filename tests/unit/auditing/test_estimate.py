import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

import unfooled
from unfooled.attacks import ATTACKS
from unfooled.auditing.estimate import estimate, examples_for
from unfooled.auditing.evidence.boundary import EXAMPLES
from unfooled.auditing.evidence.strength import FAR, FREE, SMALL
from unfooled.auditing.planned import planned
from unfooled.auditing.stages import Drawn, Everyone, Nearest, Stage
from unfooled.core.errors import ModelError
from unfooled.core.rates import wilson
from unfooled.core.target import Access
from unfooled.zoo.small import linear

RNG = np.random.default_rng(3)
MODEL = linear(torch.from_numpy(RNG.normal(size=(4, 1, 4, 4))))
X = torch.from_numpy(RNG.random((10, 1, 4, 4), np.float32))
Y = MODEL(X).argmax(dim=1)


def test_every_attack_that_would_run_is_billed():
    suite = ["uniform-noise", "corner-noise", "fgsm", "pgd", "apgd-ce", "apgd-t"]
    found = estimate(planned(MODEL, (X, Y), ["linf:0.1", "l2:1"], suite, batch=4))
    assert (found.n, found.classes, found.shapes, found.passes) == (10, 4, 1, 3)
    assert (found.right, found.tried) == (4, 4)
    assert [stage.attack for stage in found.stages[:6]] == [stage.attack for stage in found.stages[6:]]
    for stage in found.stages:
        assert stage.bill == ATTACKS[stage.attack].bill(4)
    assert found.seconds == pytest.approx(sum(cost.seconds for cost in (*found.stages, *found.diagnoses)))
    assert [cost.threat for cost in found.diagnoses] == ["linf:0.1", "l2:1"]
    costs = {stage.attack: stage.seconds for stage in found.stages}
    assert costs["apgd-t"] > costs["apgd-ce"] > costs["fgsm"] > 0
    assert found.memory > 0
    json.dumps(asdict(found))


def test_seconds_follow_from_the_passes():
    small, large = (
        estimate(planned(MODEL, (X.repeat(times, 1, 1, 1), Y.repeat(times)), "linf:0.1", ["pgd"], batch=5))
        for times in (1, 3)
    )
    assert (small.passes, large.passes) == (2, 6)
    stage = large.stages[0]
    backward = max(0.0, large.gradient - large.forward)
    assert stage.seconds == pytest.approx(6 * ((41 + 1) * large.forward + 40 * backward))


def test_what_the_access_leaves_out_costs_nothing():
    found = estimate(planned(MODEL, (X, Y), "linf:0.1", ["corner-noise", "pgd"], access=Access.DECISION))
    assert [stage.attack for stage in found.stages] == ["corner-noise"]
    assert found.gradient is None


def test_a_stage_for_a_few_costs_their_share():
    alone, shared = (
        estimate(planned(MODEL, (X, Y), "linf:0.1", [Stage("pgd", ATTACKS["pgd"], among=among)], batch=5))
        for among in (Everyone(), Nearest(0.3, least=1))
    )
    steps = alone.stages[0].seconds / (41 * alone.forward + 40 * max(0.0, alone.gradient - alone.forward))
    few = shared.stages[0].seconds / (41 * shared.forward + 40 * max(0.0, shared.gradient - shared.forward))
    assert few == pytest.approx(0.3 * steps, rel=0.1)


def test_a_budget_is_used_up_by_the_first_attacks():
    found = estimate(planned(MODEL, (X, Y), "linf:0.1", "standard", budget=25))
    answers = [stage.bill.queries + stage.bill.forwards for stage in found.stages]
    assert sum(answers) == 25
    assert answers[-1] == 0


def test_each_shape_has_passes_of_its_own():
    class Mean(nn.Module):
        def forward(self, x):
            return torch.stack([x.flatten(1).mean(dim=1), 0.5 - x.flatten(1).mean(dim=1)], dim=1)

    x = [np.full((1, side, side), 0.4, np.float32) for side in (4, 5, 6)]
    found = estimate(planned(Mean().eval(), (x, [0, 0, 0]), "linf:0.1", ["fgsm"], batch=4))
    assert (found.shapes, found.passes) == (3, 3)


def test_a_model_without_gradients_is_told():
    class Rounds(nn.Module):
        def forward(self, x):
            return MODEL(x.detach())

    with pytest.raises(ModelError, match="differentiably"):
        estimate(planned(Rounds().eval(), (X, Y), "linf:0.1", ["fgsm"], diagnose=False))
    mended = estimate(planned(Rounds().eval(), (X, Y), "linf:0.1", ["fgsm"]))
    assert mended.gradient is not None, "the audit carries a remedy out, and goes on"
    found = estimate(planned(Rounds().eval(), (X, Y), "linf:0.1", ["uniform-noise"]))
    assert found.gradient is None


@pytest.mark.parametrize("half", [0.1, 0.03, 0.01])
def test_examples_for_a_precision(half):
    n = examples_for(half)
    low, high = wilson(n // 2, n)
    assert (high - low) / 2 <= half * 1.0001
    low, high = wilson((n - 3) // 2, n - 3)
    assert (high - low) / 2 > half * 0.999


def test_a_thousand_and_some_give_three_points():
    assert examples_for(0.03) == 1064


def test_the_estimate_is_the_ledger_of_a_run_in_which_nothing_falls():
    """Each stage asks of those it chooses what it may, and so does the diagnosis, but for probes of the fallen."""
    torch.manual_seed(6)
    layers = nn.Flatten(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 5)
    module = nn.Sequential(*layers).eval()
    x = torch.rand(60, 1, 4, 4)
    order = module(x).sort(dim=1, descending=True).values
    x = x[order[:, 0] - order[:, 1] > 0.1]
    y = module(x).argmax(dim=1)
    settings = {"threats": "linf:0.001", "batch": 8}
    near, sample = (
        Stage("near", ATTACKS["apgd-ce"], among=Nearest(0.5)),
        Stage("sample", ATTACKS["apgd-t"], among=Drawn(5)),
    )
    suite = ["uniform-noise", near, sample]
    results = unfooled.audit(module, (x, y), suite=suite, **settings)
    assert results.union().robust_accuracy == 1
    found = estimate(planned(module, (x, y), suite=suite, **settings))
    for stage, row, place in zip(found.stages, results.stages.to_pylist(), suite, strict=True):
        most = len(x) if isinstance(place, str) else place.among.most(len(x))
        assert row["tried"] == most
        for kind, most_rows in stage.bill._asdict().items():
            assert 0.9 * most * most_rows <= row[kind] <= most * most_rows  # a climb that stands still ends sooner
    (cost,), (bill,) = found.diagnoses, results.run["measurements"]["bill"]
    found_at_once = [stage.attack.bill(2) for stage in (near, sample)]
    assert EXAMPLES < len(x) < FREE
    for place, most_rows in enumerate(cost.bill):
        unpaid = len(x) * SMALL.bill(5)[place]  # nothing fell
        sooner = len(x) * FAR.bill(5)[place] + EXAMPLES * sum(one[place] for one in found_at_once)  # falls at once
        paid = bill[cost.bill._fields[place]]
        assert 0.9 * (most_rows - unpaid - sooner) <= paid <= most_rows - unpaid
    assert found.seconds > sum(stage.seconds for stage in found.stages)
    assert not estimate(planned(module, (x, y), suite=suite, diagnose=False, **settings)).diagnoses
