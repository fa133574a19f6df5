"""The matrix of accuracies: after each task that was learned, how well each task is known."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, diverging, ink, paper, theme

MAX_TASKS = 12  # that still leave a cell room for its number


def continual_matrix(
    R: Any,
    tasks: Sequence[str],
    *,
    title: str = "Accuracy on each task after each task",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw R as it is written: row i after task i, column j on task j; the diagonal is framed.

    Below the diagonal is what became of old tasks, above it what is known of tasks to come.

    Shapes (T tasks):
        R: [T, T], torch or numpy, 0..1; tasks: T names, in the order in which they were learned

    Units:
        height: pixels

    Errors:
        ValueError: the names do not fit the matrix

    >>> continual_matrix([[1.0, 0.0], [0.5, 1.0]], ["0, 1", "2, 3"]).data[0].text[1][0]
    '50'
    """
    values = np.asarray(R, dtype=float)
    T = len(tasks)
    if values.shape != (T, T):
        raise ValueError(
            f"continual_matrix: R must be [{T}, {T}] for {T} tasks, got {list(values.shape)}"
        )
    names = [escape(task) for task in tasks]
    fig = go.Figure(_cells(values, names, dark))
    for at in range(T):
        line = {"color": accent(dark), "width": 2}
        fig.add_shape(x0=at - 0.5, x1=at + 0.5, y0=at - 0.5, y1=at + 0.5, line=line)
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    ticks: dict[str, Any] = {"tickvals": list(range(T)), "ticktext": names}
    plain: dict[str, Any] = {"showgrid": False, "zeroline": False}
    fig.update_xaxes(title_text="tested on task", **ticks, **plain)
    return fig.update_yaxes(
        title_text="after learning task", range=[T - 0.5, -0.5], **ticks, **plain
    )


def _cells(values: np.ndarray, names: Sequence[str], dark: bool) -> go.Heatmap:
    """The matrix as coloured cells, with numbers where there is room."""
    cells = go.Heatmap(
        z=values,
        zmin=0,
        zmax=1,
        colorscale=[[0, paper(dark)], [1, diverging(dark)[0][1]]],
        opacity=0.6,  # so that numbers of one ink are legible on all of it
        colorbar={"title": {"text": "accuracy (0 to 1)", "side": "right"}, "thickness": 14},
        customdata=[[[row, column] for column in names] for row in names],
        hovertemplate="after %{customdata[0]}, on %{customdata[1]}: %{z:.1%}<extra></extra>",
    )
    if len(names) <= MAX_TASKS:
        cells.text = [[f"{100 * value:.0f}" for value in row] for row in values]
        cells.texttemplate = "%{text}"
        cells.textfont = {"color": ink(dark), "size": 14}
    return cells
