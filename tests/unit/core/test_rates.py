"""Intervals cover what they promise; tests and bounds equal their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from unfooled.core.rates import clopper_pearson, mcnemar, most_missed, wilson


@pytest.mark.parametrize("n", [1, 5, 30, 200])
def test_the_exact_interval_covers_at_least_95_percent_at_every_rate(n: int) -> None:
    hits = np.arange(n + 1)
    intervals = [clopper_pearson(int(k), n) for k in hits]
    for rate in np.linspace(0.001, 0.999, 97):
        inside = [low <= rate <= high for low, high in intervals]
        assert binom.pmf(hits, n, rate)[inside].sum() >= 0.95 - 1e-9


def test_wilson_covers_about_95_percent_and_is_the_narrower() -> None:
    n, hits = 200, np.arange(201)
    intervals = [wilson(int(k), n) for k in hits]
    covered = [
        binom.pmf(hits, n, rate)[[low <= rate <= high for low, high in intervals]].sum()
        for rate in np.linspace(0.02, 0.98, 97)
    ]
    assert 0.945 <= np.mean(covered) <= 0.965
    for k in (10, 100, 190):
        exact = clopper_pearson(k, n)
        assert intervals[k].high - intervals[k].low < exact.high - exact.low


def test_mcnemar_is_the_binomial_test() -> None:
    for one, other in ((0, 0), (3, 0), (0, 6), (5, 9), (20, 20), (40, 71)):
        wanted = 1.0 if one + other == 0 else binomtest(one, one + other).pvalue
        assert mcnemar(one, other) == pytest.approx(wanted, rel=1e-9)
        assert mcnemar(one, other) == mcnemar(other, one)


def test_what_an_audit_of_survivors_may_have_missed() -> None:
    for audited in (50, 100, 300, 500):
        assert most_missed(audited) == pytest.approx(1 - 0.05 ** (1 / audited))
    assert most_missed(0) == most_missed(3, 3) == 1.0
    assert most_missed(100, 2) > most_missed(100, 1) > most_missed(100)
    for rate in (0.01, 0.1, 0.4):
        chance = sum(binom.pmf(k, 60, rate) for k in range(61) if most_missed(60, k) >= rate)
        assert chance >= 0.95 - 1e-9
    assert math.isclose(most_missed(300), 0.0099, abs_tol=1e-4)
