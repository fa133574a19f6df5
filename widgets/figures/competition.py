"""A thought in a plane: in each round the steps that were tried, and the one that was taken."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.sequence import plain
from marslab.widgets.figures.style import accent, colour, ink, theme


def competition(
    states: Any,
    tried: Any,
    goal: Any = None,
    *,
    title: str = "Tried, and taken",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the way of a thought, and at each of its states the candidates as short lines.

    Shapes (R rounds, k candidates):
        states: [R + 1, 2], torch or numpy
        tried: [R, k, 2], where each candidate would have led
        goal: [2] or None

    Units:
        height: pixels

    Errors:
        ValueError: not a plane, or another number of rounds

    >>> figure = competition([[0, 0], [1, 0]], [[[1, 0], [0, 1]]], goal=[2, 0])
    >>> [trace.name for trace in figure.data]
    ['tried', 'the thought', 'the goal']
    """
    way, ends = plain(states), np.stack([plain(one) for one in tried])
    if way.ndim != 2 or way.shape[1] != 2 or ends.ndim != 3 or len(ends) + 1 != len(way):
        raise ValueError(
            f"competition: states [R + 1, 2] and tried [R, k, 2] are needed, "
            f"got {list(way.shape)} and {list(ends.shape)}"
        )
    fig, named = go.Figure(), {"hovertemplate": "%{x:.2f}, %{y:.2f}<extra></extra>"}
    x, y = _spokes(way, ends)
    faint = {"color": colour("peer", dark), "width": 1.5}
    fig.add_scatter(x=x, y=y, mode="lines+markers", name="tried", line=faint, **named)
    path = {"color": ink(dark), "width": 2.5}
    at, up = way.T.tolist()
    fig.add_scatter(x=at, y=up, mode="lines+markers", name="the thought", line=path, **named)
    fig.update_traces(marker_size=7)
    if goal is not None:
        to, high = (float(number) for number in goal)
        mark = {"color": accent(dark), "size": 15, "symbol": "star"}
        fig.add_scatter(x=[to], y=[high], mode="markers", name="the goal", marker=mark, **named)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="first number of h (no unit)", zeroline=False)
    fig.update_yaxes(title_text="second number of h (no unit)", zeroline=False, scaleanchor="x")
    return fig.update_layout(title_text=title, margin_t=74)


def _spokes(way: np.ndarray, ends: np.ndarray) -> tuple[list, list]:
    """From each state to each of its candidates, with gaps between."""
    x: list[float | None] = []
    y: list[float | None] = []
    for start, found in zip(way[:-1], ends, strict=True):
        for end in found:
            x += [float(start[0]), float(end[0]), None]
            y += [float(start[1]), float(end[1]), None]
    return x, y
