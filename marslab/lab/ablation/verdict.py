"""What a difference to the baseline means, in words."""

import math

from marslab.lab.ablation.metrics import Metric
from marslab.lab.ablation.statistics import Interval


def verdict(apart: Interval, metric: Metric) -> str:
    """Say whether a variant is better or worse than the baseline, or whether that cannot be said.

    >>> share = Metric("held_out", "held-out accuracy", True, "share")
    >>> verdict(Interval(-0.041, -0.06, -0.02, 3), share)
    'worse by 4.1 points'
    >>> verdict(Interval(0.01, -0.02, 0.04, 3), share)
    'no difference seen (interval holds 0)'
    >>> verdict(Interval(0.01, math.nan, math.nan, 1), share)
    'one seed: better by 1.0 points, no interval'
    """
    if apart.n == 0:
        return "no seed shared with the baseline"
    way = "better" if (apart.mean > 0) == metric.more_is_better else "worse"
    told = f"{way} by {metric.apart(apart.mean)}" if apart.mean else "the same figure"
    if math.isnan(apart.low):
        return f"one seed: {told}, no interval"
    if apart.low == apart.high == 0:
        return "the same figure for every seed"
    if apart.low <= 0 <= apart.high:
        return "no difference seen (interval holds 0)"
    return told
