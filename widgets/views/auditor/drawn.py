"""The Integral auditor view's figures, drawn from what one run found."""

from typing import Any

import plotly.graph_objects as go

from marslab.widgets import figures
from marslab.widgets.views.auditor import tables
from marslab.widgets.views.auditor.run import AuditorResult
from marslab.widgets.views.auditor.stops import least_r2


def steps(result: AuditorResult, threshold: float, look: dict[str, Any]) -> go.Figure:
    """The steps on two log axes with both laws."""
    law = result.shown.fits[-1]
    return figures.auditor_steps(
        result.shown.f[0].tolist(),
        float(law.p[0]),
        float(law.q[0]),
        tables.stops(result, threshold),
        title=f"The steps of {_name(result)}, and where p > {threshold:g} stops",
        **look,
    )


def waves(result: AuditorResult, threshold: float, look: dict[str, Any]) -> go.Figure:
    """p and R2 after each wave."""
    shown = result.shown
    laws = {"p": shown.p, "r2_power": shown.r2_power, "r2_geometric": shown.r2_geometric}
    return figures.auditor_waves(
        {name: values[0].tolist() for name, values in laws.items()},
        threshold,
        tables.stops(result, threshold),
        least_r2=[least_r2(n + 1, result.setup.rule) for n in range(shown.f.shape[1])],
        title=f"What the fit says after each wave of {_name(result)}",
        **look,
    )


def tasks(result: AuditorResult, threshold: float, look: dict[str, Any]) -> go.Figure:
    """The thresholds of both tables."""
    return figures.auditor_thresholds(
        tables.TABLES,
        float(result.shown.p[0, -1]),
        threshold,
        tables.by_task(result),
        title="Thresholds by type of task, and after which wave each stops this thought",
        **look,
    )


def draws(result: AuditorResult, threshold: float, look: dict[str, Any]) -> go.Figure:
    """What the fit returns for the same law with other noise."""
    setup, found = result.setup, tables.draws(result, threshold)
    assert result.draws is not None
    return figures.auditor_draws(
        result.draws.p,
        {rule: found[f"{rule}_stopped"].tolist() for rule in ("ours", "printed")},
        true_p=setup.p if setup.law == "power" else None,
        threshold=threshold,
        title=f"{len(result.draws.f):,} curves of the same law: what the fit returns",
        **look,
    )


def calibration(result: AuditorResult, threshold: float, look: dict[str, Any]) -> go.Figure:
    """Right answers against p at the exit."""
    frame = tables.problems(result, threshold)
    return figures.auditor_calibration(
        frame["p"].tolist(),
        frame["right"].tolist(),
        threshold=threshold,
        title=f"{len(frame)} unseen problems: is a higher p at the exit a better answer?",
        **look,
    )


def sweep(result: AuditorResult, threshold: float, look: dict[str, Any]) -> go.Figure:
    """What each threshold costs, and what it saves."""
    found, last = tables.sweep(result, threshold), result.shown.f.shape[1]
    assert result.batch is not None
    right = result.batch.right([last] * len(result.batch.problems))
    return figures.auditor_sweep(
        found["threshold"].tolist(),
        found["right"].tolist(),
        found["wave"].tolist(),
        chosen=threshold,
        all_waves=(sum(right) / len(right), last),
        **look,
    )


def _name(result: AuditorResult) -> str:
    text = result.setup.question
    if result.thought is None:
        return "a made-up curve"
    return f"“{text if len(text) <= 40 else text[:39] + '…'}”"


DRAWN = {
    "steps": steps,
    "waves": waves,
    "tasks": tasks,
    "draws": draws,
    "calibration": calibration,
    "sweep": sweep,
}
