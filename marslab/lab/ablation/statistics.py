"""What few seeds allow to say: means with bootstrap intervals, differences with Student's.

A bootstrap sees no more than the seeds that there are: of three whose differences are pure noise,
one time in four all have the same sign, and its interval leaves out 0. So a mean gets a bootstrap
interval, which describes its runs, and a difference, on which a verdict rests, gets Student's,
which knows how few they were. notebooks/70_first_ablation measures how often each is wrong.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

CONFIDENCE, RESAMPLES, SEED = 0.95, 10_000, 0


class Interval(NamedTuple):
    """A mean and its interval; n figures went in. NaN is what cannot be said."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of `values` and the 95 % percentile bootstrap interval of that mean.

    The same values give the same interval. Few values make it coarse: with 3 it reaches from the
    least to the largest, with 1 there is none.

    Source:
        Efron & Tibshirani 1993, "An introduction to the bootstrap".

    >>> interval([0.5, 0.5, 0.5])
    Interval(mean=0.5, low=0.5, high=0.5, n=3)
    >>> interval([0.5])
    Interval(mean=0.5, low=nan, high=nan, n=1)
    """
    plain = _without_spread(values)
    if plain is not None:
        return plain
    low, high = _bootstrap(tuple(values))
    return Interval(_mean(values), low, high, len(values))


@lru_cache(maxsize=4096)  # a page asks for the same intervals each time it is drawn
def _bootstrap(values: tuple[float, ...]) -> tuple[float, float]:
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values, float),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return float(found.low), float(found.high)


def difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Interval:
    """Return the mean difference to the baseline, over the seeds that both have.

    Its interval is Student's 95 % interval of the paired differences: right for noise that is
    normal, and wide where the seeds are few.

    Source:
        Student 1908, "The probable error of a mean".

    >>> difference({0: 0.75, 1: 0.5}, {0: 1.0, 1: 0.75, 2: 0.0})
    Interval(mean=-0.25, low=-0.25, high=-0.25, n=2)
    >>> [round(x, 2) for x in difference({0: 0.1, 1: 0.2, 2: 0.3}, {0: 0, 1: 0, 2: 0})]
    [0.2, -0.05, 0.45, 3]
    """
    shared = sorted(values.keys() & baseline.keys())
    apart = [values[seed] - baseline[seed] for seed in shared]
    plain = _without_spread(apart)
    if plain is not None:
        return plain
    from scipy.stats import t

    mean, n = _mean(apart), len(apart)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in apart) / (n - 1))
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _without_spread(values: Sequence[float]) -> Interval | None:
    """The interval of no values, of one, or of equal ones; None where they differ."""
    n = len(values)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    if n == 1:
        return Interval(values[0], math.nan, math.nan, 1)
    if min(values) == max(values):  # the mean of equal figures may be off by a rounding
        return Interval(values[0], values[0], values[0], n)
    return None
