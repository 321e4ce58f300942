"""Rates and how far they can be trusted."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """A 95 % interval for a rate."""

    low: float
    high: float


def wilson(hits: int, n: int, z: float = 1.959963984540054) -> Interval:
    """Wilson's score interval for hits out of n.

    It covers the sampling of examples alone: a stronger attack can still lower a robust accuracy.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    p, z2 = hits / n, z * z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Interval(float(max(0.0, middle - half)), float(min(1.0, middle + half)))


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> Interval:
    """Exact interval for hits out of n: it covers at least `level` of the time, whatever the rate and n.

    Reference:
        Clopper and Pearson. The use of confidence or fiducial limits illustrated in the case of the binomial.
        Biometrika 26(4), 1934. https://doi.org/10.1093/biomet/26.4.404
        Differs from the paper: nothing.
    """
    from scipy.stats import beta  # noqa: PLC0415  # half a second that readers of a run need not wait for

    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return Interval(low, high)


def robbins(hits: int, n: int, level: float = 0.95) -> Interval:
    """Confidence sequence for hits out of n: wherever one stops looking, for whatever reason, it holds.

    It covers at all n together at least `level` of the time, and costs half as much width again as `clopper_pearson`,
    which may be looked at once, at an n that was fixed beforehand.

    Reference:
        Robbins. Statistical methods related to the law of the iterated logarithm. The Annals of Mathematical
        Statistics 41(5), 1970. https://doi.org/10.1214/aoms/1177696786, section 2 (Ville's inequality for the uniform
        mixture).
        Differs from the paper: nothing.
    """

    def edge(outside: float, inside: float) -> float:
        for _ in range(60):
            middle = (outside + inside) / 2
            outside, inside = (outside, middle) if surprise(hits, n, middle) > 1 - level else (middle, inside)
        return outside

    rate = hits / n if n else 0.5
    return Interval(edge(0.0, rate) if hits else 0.0, edge(1.0, rate) if hits < n else 1.0)


def surprise(hits: int, n: int, rate: float) -> float:
    """Chance, at most, that hits out of n ever look so unlike a rate, however often one looks: a p-value for any end.

    One over the likelihood ratio of a uniform mixture of rates to this one, see `robbins`.
    """
    if (hits and rate <= 0) or (hits < n and rate >= 1):
        return 0.0
    ways = math.lgamma(n + 2) - math.lgamma(hits + 1) - math.lgamma(n - hits + 1)
    chance = (math.log(rate) * hits if hits else 0.0) + (math.log1p(-rate) * (n - hits) if hits < n else 0.0)
    return math.exp(min(0.0, ways + chance))


def mcnemar(only_one: int, only_other: int) -> float:
    """Chance of a split at least this uneven if neither of two paired verdicts were better: the exact two-sided test.

    Args:
        only_one: Examples on which only the first of the two succeeded.
        only_other: Examples on which only the second did.

    Reference:
        McNemar. Note on the sampling error of the difference between correlated proportions or percentages.
        Psychometrika 12, 1947. https://doi.org/10.1007/BF02295996
        Differs from the paper: the binomial test is exact, where the paper takes its normal limit.
    """
    n, fewer = only_one + only_other, min(only_one, only_other)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**n))


def paired_difference(only_one: int, only_other: int, n: int, z: float = 1.959963984540054) -> Interval:
    """Interval for how much more often the first of two paired verdicts succeeds than the second, -1 to 1.

    Args:
        only_one: Examples on which only the first succeeded.
        only_other: Examples on which only the second did.
        n: All examples, 1 or more.
        z: Quantile of the normal distribution.

    Reference:
        Bonett and Price. Adjusted Wald confidence interval for a difference of binomial proportions based on paired
        data. Journal of Educational and Behavioral Statistics 37(4), 2012. https://doi.org/10.3102/1076998611411915,
        equation 8.
        Differs from the paper: nothing.
    """
    one, other = (only_one + 1) / (n + 2), (only_other + 1) / (n + 2)
    half = z * math.sqrt((one + other - (one - other) ** 2) / (n + 2))
    return Interval(max(-1.0, one - other - half), min(1.0, one - other + half))


def most_missed(audited: int, flipped: int = 0, level: float = 0.95) -> float:
    """Largest share of survivors that a stronger attack may still break, by a random sample that it tried.

    With none of m flipped it is 1 - (1 - level) ** (1 / m), such as 0.0099 for 300. It knows no attack stronger than
    the one that the sample was audited with.

    Args:
        audited: Survivors drawn at random, 0 or more.
        flipped: How many of them fell.
        level: Chance with which the bound holds.
    """
    from scipy.stats import beta  # noqa: PLC0415

    return 1.0 if flipped >= audited else float(beta.ppf(level, flipped + 1, audited - flipped))
