"""Thoughts as paths: their states on the two directions in which they move most."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.sequence import plain
from marslab.widgets.figures.style import colour, ramp, theme

COLUMNS = 3


def thought_paths(
    paths: Mapping[str, Any],
    *,
    title: str = "Thoughts as paths",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each thought in a panel of its own, seen from its mean; colours run with time.

    Shapes (n states, D width):
        paths: name -> [n, D], torch or numpy, oldest first

    Units:
        height: pixels

    >>> figure = thought_paths({"there and back": [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]})
    >>> [round(abs(float(x)), 2) for x in figure.data[0].x]
    [0.33, 0.67, 0.33]
    """
    rows, columns = max(1, -(-len(paths) // COLUMNS)), max(1, min(COLUMNS, len(paths)))
    fig = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[escape(name) for name in paths],
        horizontal_spacing=0.06,
        vertical_spacing=0.16,
    )
    theme(fig, dark, height)
    for at, states in enumerate(paths.values()):
        _path(fig, _seen(states), at // columns + 1, at % columns + 1, dark)
    fig.update_xaxes(showticklabels=False, zeroline=False, constrain="domain")
    fig.update_yaxes(showticklabels=False, zeroline=False, title_standoff=4)
    fig.update_xaxes(title_text="first direction", row=rows)
    fig.update_yaxes(title_text="second direction", col=1)
    return fig.update_layout(title_text=title, margin={"t": 84, "l": 40})


def _seen(states: Any) -> np.ndarray:
    """The states around their mean, along their two largest directions, [n, 2]."""
    x = np.asarray(plain(states), dtype=float)
    x = x - x.mean(0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    kept = np.zeros((len(x), 2))
    kept[:, : min(2, len(s))] = (u * s)[:, :2]
    return kept


def _path(fig: go.Figure, points: np.ndarray, row: int, column: int, dark: bool) -> None:
    x, y = points.T
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        showlegend=False,
        line={"color": colour("", dark), "width": 1},
        marker={"size": 9, "color": ramp(len(x), dark)},
        hovertemplate="state %{pointNumber}<extra></extra>",
        row=row,
        col=column,
    )
    reach = 1.2 * float(np.abs(points).max(initial=0)) or 1.0
    across = {"range": [-reach, reach], "row": row, "col": column}
    fig.update_xaxes(**across)
    axis = fig.data[-1].xaxis  # pyright: ignore[reportAttributeAccessIssue]
    fig.update_yaxes(**across, scaleanchor=axis)
