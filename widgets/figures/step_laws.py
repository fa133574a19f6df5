"""The steps of a thought on two log axes, with the two laws that they may follow."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme

POINTS = 60  # of a law's line


def step_laws(
    steps: Sequence[float],
    p: float,
    q: float,
    *,
    start: int = 1,
    title: str = "The steps of a thought",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the steps, and the best C t^-p and c q^t, each through the mean of the logarithms.

    A step that is not positive and finite leaves a gap, and no law is asked about it.

    Units:
        steps: relative sizes, the first at time `start`; p, q: of the two laws, already fitted
        height: pixels

    >>> [trace.name for trace in step_laws([1.0, 0.5, 0.25], p=1.2, q=0.5).data]
    ['steps', 'power, p = 1.20', 'factor, q = 0.50']
    """
    f = np.asarray(steps, dtype=float)
    t = np.arange(start, start + len(f), dtype=float)
    counted = np.isfinite(f) & (f > 0)
    fig = go.Figure()
    fig.add_scatter(
        x=t,
        y=np.where(counted, f, np.nan),
        mode="markers",
        name="steps",
        marker={"size": 9, "color": ink(dark)},
        hovertemplate="step %{x}: %{y:.3g}<extra></extra>",
    )
    if counted.any():
        _laws(fig, t, t[counted], np.log(f[counted]), {"power": p, "factor": q}, dark)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="time in the thought (waves)", type="log", **_ticks(start, t))
    fig.update_yaxes(
        title_text="relative step (no unit)", type="log", exponentformat="power", dtick=1
    )
    return fig.update_layout(title_text=title, margin_t=74)


def _laws(
    fig: go.Figure,
    t: np.ndarray,
    at: np.ndarray,
    y: np.ndarray,
    laws: dict[str, float],
    dark: bool,
) -> None:
    x = np.geomspace(t[0], t[-1], POINTS)
    p, q = laws["power"], laws["factor"]
    power = np.exp(y.mean() - p * (np.log(x) - np.log(at).mean()))
    factor = np.exp(y.mean() + math.log(q) * (x - at.mean()))
    for name, line, tint in (
        (f"power, p = {p:.2f}", power, colour("numba")),
        (f"factor, q = {q:.2f}", factor, accent(dark)),
    ):
        fig.add_scatter(x=x, y=line, mode="lines", name=name, line={"color": tint, "width": 2})


def _ticks(start: int, t: np.ndarray) -> dict:
    """Whole waves at the bottom, each where there are few, else by doubling."""
    every = [int(v) for v in t]
    if len(every) > 12:
        every = [start * 2**n for n in range(12) if start * 2**n <= every[-1]]
    return {"tickvals": every, "ticktext": [str(v) for v in every]}
