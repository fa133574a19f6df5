"""One law with many draws of noise: what the fit returns, and how soon each rule stops."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.auditor_steps import RULES
from marslab.widgets.figures.style import colour, ink, theme

BAND = (0.05, 0.95)


def auditor_draws(
    p: Any,
    stopped: Mapping[str, Sequence[float]],
    *,
    true_p: float | None = None,
    threshold: float | None = None,
    title: str = "What the fit returns",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the middle 90 % of the fitted p after each wave; below, the share that has stopped.

    The first wave has no slope, so that all begins at the second.

    Shapes (N draws, T waves):
        p: [N, T], torch or numpy
        stopped: "ours" and "printed" -> T shares, 0 to 1, of those that stopped by that wave

    Units:
        true_p: of the law, where it is a power; threshold: of p; height: pixels

    >>> figure = auditor_draws(np.array([[0, 1, 1.2], [0, 1.4, 1.2]]), {"ours": [0, 0, 1]})
    >>> [trace.name for trace in figure.data]
    ['90 % of the draws', 'median', 'the auditor stops']
    """
    values = np.asarray(p, dtype=float)[:, 1:]
    waves = list(range(2, values.shape[1] + 2))
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    top = {"row": 1, "col": 1, "mode": "lines"}
    _band(fig, waves, values, ink(dark), top)
    for name, at, tint in (("true p", true_p, "numba"), ("threshold", threshold, "floor")):
        if at is not None:
            line = {"color": colour(tint), "width": 2, "dash": "dash"}
            fig.add_scatter(x=[waves[0], waves[-1]], y=[at] * 2, name=name, line=line, **top)
    for rule, shares in stopped.items():
        name, tint, _ = RULES[rule]
        line = {"color": colour(tint), "width": 2.5}
        y = list(shares)[1:]
        fig.add_scatter(x=waves, y=y, name=name, mode="lines+markers", line=line, row=2, col=1)
    theme(fig, dark, height)
    fig.update_xaxes(range=[1.8, waves[-1] + 0.2], dtick=1, tickformat="d")
    fig.update_xaxes(title_text="waves so far (count)", row=2)
    fig.update_yaxes(title_text="fitted p (no unit)", row=1)
    fig.update_yaxes(title_text="stopped (0 to 1)", range=[-0.03, 1.03], row=2)
    return fig.update_layout(title_text=title, margin_t=90)


def _band(
    fig: go.Figure, waves: list[int], values: np.ndarray, tint: str, at: dict[str, Any]
) -> None:
    """The median of the draws [N, waves], with the span of their middle 90 %."""
    low, middle, high = np.quantile(values, (BAND[0], 0.5, BAND[1]), axis=0).tolist()
    fig.add_scatter(
        x=[*waves, *waves[::-1]],
        y=[*high, *low[::-1]],
        fill="toself",
        line={"width": 0, "color": tint},  # the fill is a clearer one of the same
        opacity=0.3,
        name="90 % of the draws",
        hoverinfo="skip",
        **at,
    )
    line = {"color": tint, "width": 2.5}
    fig.add_scatter(x=waves, y=middle, name="median", line=line, **at)
