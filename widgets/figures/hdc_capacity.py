"""How often cleanup finds the right value: theory with its band, and what was measured."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme


class Recall(NamedTuple):
    """Shares found against what was turned.

    Shapes (n points of theory, m that were measured):
        x, expected: n; at, low, high, measured: m, low and high the band of each measurement
    """

    x: Sequence[float]
    expected: Sequence[float]
    at: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    measured: Sequence[float]


def hdc_capacity(
    recall: Recall,
    *,
    chosen: float | None = None,
    x_title: str = "pairs in one vector (count)",
    log: bool = True,
    title: str = "What one vector holds",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw theory as a line, its 99 % band, the measurements as dots; `chosen` is marked.

    Units:
        log: whether x goes by powers of ten; height: pixels

    >>> found = Recall([1, 9], [1.0, 0.5], [9], [0.4], [0.6], [0.55])
    >>> [trace.name for trace in hdc_capacity(found, chosen=9).data]
    ['99 % of measurements', 'theory', 'measured', 'your memory']
    """
    fig = _drawn(recall, dark)
    if chosen is not None:
        line = {"color": colour("", dark), "width": 1.5, "dash": "dash"}
        fig.add_scatter(
            x=[chosen] * 2, y=[0, 1], mode="lines", name="your memory", line=line, hoverinfo="skip"
        )
    theme(fig, dark, height)
    fig.update_xaxes(title_text=x_title, type="log" if log else "linear")
    if log:
        fig.update_xaxes(dtick="D1" if max(recall.x) < 30 * min(recall.x) else 1)
    fig.update_yaxes(title_text="found (0 to 1)", range=[-0.03, 1.04])
    return fig.update_layout(title_text=title, margin_t=74)


def _drawn(recall: Recall, dark: bool) -> go.Figure:
    fig = go.Figure()
    fig.add_scatter(
        x=[*recall.at, *reversed(recall.at)],
        y=[*recall.high, *reversed(recall.low)],
        mode="lines",
        fill="toself",
        fillcolor=colour("peer", dark),
        opacity=0.3,
        line={"width": 0},
        name="99 % of measurements",
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=list(recall.x),
        y=list(recall.expected),
        mode="lines",
        name="theory",
        line={"color": ink(dark), "width": 2},
        hovertemplate="theory at %{x:.3g}: %{y:.1%}<extra></extra>",
    )
    fig.add_scatter(
        x=list(recall.at),
        y=list(recall.measured),
        mode="markers",
        name="measured",
        marker={"color": accent(dark), "size": 9},
        hovertemplate="measured at %{x:.3g}: %{y:.1%}<extra></extra>",
    )
    return fig
