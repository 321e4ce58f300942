"""The suite `autoattack` is what its authors published: four attacks in order, with their budgets."""

from __future__ import annotations

import math

from oracles import linear_case, linear_distance

import unfooled
from unfooled.attacks import ATTACKS
from unfooled.attacks.apgd import APGD
from unfooled.attacks.apgd_targeted import APGDTargeted
from unfooled.attacks.fab_targeted import FABTargeted
from unfooled.attacks.square import Square
from unfooled.auditing.named_suites import read_suite
from unfooled.auditing.stages import Everyone, Stage
from unfooled.auditing.suites import SUITES, runs_once
from unfooled.core.threat import ThreatModel
from unfooled.goals import Misclassify
from unfooled.sets.linf import Linf
from unfooled.zoo.small import linear


def test_its_attacks_have_the_published_settings() -> None:
    """Nothing here may follow from a default that somebody could change."""
    _, stages = read_suite("autoattack")
    assert [stage.attack for stage in stages] == [
        APGD(loss="cross-entropy", steps=100, restarts=1),
        APGDTargeted(targets=9, steps=100, loss="dlr-targeted"),
        FABTargeted(targets=9, steps=100, alpha_max=0.1, eta=1.05, beta=0.9, polish=0),
        Square(queries=5000, share=0.8, loss="margin", schedule=10_000),
    ]
    assert [stage.name for stage in stages] == ["apgd-ce", "apgd-t", "fab-t", "square"]
    for stage in stages:
        assert isinstance(stage, Stage)
        assert (stage.kind, stage.among, stage.paying) == (None, Everyone(), None), "on all that stand, in any set"


def test_its_bill_is_the_published_one() -> None:
    """Ten classes: a gradient a step; FAB asks once more where a step succeeds, and for its first and last point."""
    bills = [stage.attack.bill(10) for stage in read_suite("autoattack")[1]]
    assert [bill.backwards for bill in bills] == [100, 900, 1800, 0]
    assert [bill.forwards for bill in bills] == [101, 910, 9 * 201 + 2, 0]
    assert [bill.queries for bill in bills] == [0, 0, 0, 5000]


def test_the_order_holds_at_one_radius() -> None:
    """FAB looks for the nearest success and comes third all the same, on what the two before it left."""
    weights, bias, x, y = linear_case(12, 3, (1, 5, 5), seed=3, scale=4.0)
    smallest = linear_distance(weights, bias, x, y, "linf")
    radius = float(smallest.median()) * 1.001
    suite = [*SUITES["autoattack"][:3], Stage("square", Square(queries=20))]
    results = unfooled.audit(linear(weights, bias), (x, y), f"linf:{radius!r}", suite, diagnose=False)
    told = [(row["attack"], row["tried"]) for row in results.stages.to_pylist()]
    assert [name for name, _ in told] == ["apgd-ce", "apgd-t", "fab-t", "square"]
    standing = int((smallest > radius).sum())
    assert 0 < standing < 12
    assert told[0][1] == 12
    assert [tried for _, tried in told[2:]] == [standing, standing]


def test_what_looks_for_the_nearest_runs_once_for_several_radii() -> None:
    fab, pgd = Stage("fab-t", ATTACKS["fab-t"]), Stage("pgd", ATTACKS["pgd"])
    threats = [ThreatModel(Misclassify(), Linf(radius)) for radius in (0.1, 0.2, math.inf)]
    for ladder, once in ((threats[:1], False), (threats[:2], True), (threats[2:], True)):
        assert [runs_once(ladder)(stage) for stage in (fab, pgd)] == [once, False]
