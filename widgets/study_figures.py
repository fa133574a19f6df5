"""The figures of a study's results: from what the library stored to the pure figures."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from marslab.lab.ablation import Results, RunRecord
from marslab.lab.ablation.metrics import Metric
from marslab.widgets.figures import ablation_effects, cost_against_score, learning_curves

FRAME_HEIGHT, ROW_HEIGHT = 160, 44  # pixels for axis and legend, and for each variant
SCORES = ("mean", "low", "high", "difference", "difference_low", "difference_high")


def effects(results: Results, metric: Metric, **look: Any) -> go.Figure:
    """Draw what each variant does to `metric`, beside the first variant of the results."""
    look = {"height": FRAME_HEIGHT + ROW_HEIGHT * len(results.variants)} | look
    return ablation_effects(
        scaled(results, metric),
        seeds(results, metric),
        score=axis(metric),
        more_is_better=metric.more_is_better,
        baseline=results.variants[0].name,
        **look,
    )


def curves(results: Results, **look: Any) -> go.Figure:
    """Draw how the task's main metric came about, over the epochs of each variant."""
    factor, first = factor_of(results.curve), results.variants[0].name
    runs = {
        name: [
            [(x, factor * y) for x, y in run.curve if x is not None and y is not None]
            for run in found
        ]
        for name, found in done(results).items()
    }
    return learning_curves(runs, score=axis(results.curve), baseline=first, **look)


def cost(results: Results, metric: Metric, by: str = "parameters", **look: Any) -> go.Figure:
    """Draw `metric` against what a variant costs, in "parameters" or "seconds"."""
    first, rows = results.variants[0].name, scaled(results, metric)
    return cost_against_score(rows, cost=by, score=axis(metric), baseline=first, **look)


def has_curves(results: Results) -> bool:
    """Whether there is anything to draw over epochs."""
    return any(len(run.curve) > 1 for run in results.runs)


def axis(metric: Metric) -> str:
    """Name an axis: the metric, its unit, and which way is better.

    >>> axis(Metric("held_out", "held-out accuracy", True, "share"))
    'held-out accuracy (%, more is better)'
    """
    unit = "%" if metric.unit == "share" else metric.unit or "no unit"
    return f"{metric.title} ({unit}, {'more' if metric.more_is_better else 'less'} is better)"


def factor_of(metric: Metric) -> float:
    """By what a figure is multiplied before it is drawn: a share is drawn in percent."""
    return 100.0 if metric.unit == "share" else 1.0


def scaled(results: Results, metric: Metric) -> pd.DataFrame:
    """Return the summary of the results in the unit of the axis."""
    rows = results.summary(metric.name)
    return rows.assign(**{name: rows[name] * factor_of(metric) for name in SCORES})


def seeds(results: Results, metric: Metric) -> dict[str, list[float]]:
    """Return what each run of each variant measured, in the unit of the axis."""
    factor, name = factor_of(metric), metric.name
    return {
        variant: [factor * v for run in runs if (v := run.metrics.get(name)) is not None]
        for variant, runs in done(results).items()
    }


def done(results: Results) -> dict[str, list[RunRecord]]:
    """Return the runs of each variant that ended well.

    By their ids: a run that was made when the study had another baseline bears an older name.
    """
    known = {run.id: run for run in results.runs if run.status == "done"}
    return {v.name: [known[i] for i in v.runs if i in known] for v in results.variants}
