"""Intervals cover what they promise; tests and bounds equal their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import binom, binomtest

from unfooled.core.rates import clopper_pearson, mcnemar, most_missed, robbins, surprise, wilson


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


def test_robbins_inverts_its_own_p_value() -> None:
    for hits, n in ((0, 0), (0, 7), (7, 7), (3, 7), (400, 1000)):
        low, high = robbins(hits, n, 0.9)
        assert 0 <= low <= high <= 1
        for end, is_free in ((low, low > 0), (high, high < 1)):
            if is_free:
                assert surprise(hits, n, end) == pytest.approx(0.1, rel=1e-6)
    assert robbins(0, 0) == (0.0, 1.0)
    assert robbins(8, 8).low == pytest.approx((0.05 / 9) ** (1 / 8))  # (n + 1) p**n = 0.05
    assert surprise(3, 7, 0.4) == pytest.approx(min(1.0, 8 * math.comb(7, 3) * 0.4**3 * 0.6**4))
    assert (surprise(1, 2, 0.0), surprise(1, 2, 1.0), surprise(0, 2, 0.0), surprise(2, 2, 1.0)) == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5, 0.9])
def test_robbins_covers_at_every_end_at_once(rate: float) -> None:
    """Of streams that are looked at after each example, at most 5 % ever leave the rate out; plain ones do more."""
    streams, n = 2000, np.arange(1, 1001)
    hits = (np.random.default_rng(5).random((streams, len(n))) < rate).cumsum(axis=1)
    ways = gammaln(n + 2) - gammaln(hits + 1) - gammaln(n - hits + 1)
    left_out = ways + hits * np.log(rate) + (n - hits) * np.log1p(-rate) < np.log(0.05)
    assert left_out.any(axis=1).mean() <= 0.05
    some = hits[:20, ::97], np.broadcast_to(n[::97], hits[:20, ::97].shape), left_out[:20, ::97]
    for seen, of, missed in zip(*(one.ravel().tolist() for one in some), strict=True):
        low, high = robbins(seen, of)
        assert missed == (not low <= rate <= high)
    share = hits / n
    naive = np.abs(share - rate) > 1.96 * np.sqrt(np.maximum(share * (1 - share), 1e-12) / n)
    assert naive[:, 29:].any(axis=1).mean() > 0.15


def test_robbins_costs_half_as_much_width_again() -> None:
    for hits in (100, 500):
        wide, exact = robbins(hits, 1000), clopper_pearson(hits, 1000)
        assert wide.low < exact.low < exact.high < wide.high
        assert (wide.high - wide.low) / (exact.high - exact.low) < 1.9
