"""A matrix as a picture: the weights of a dual form, or the state of a matrix memory."""

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from marslab.widgets.figures.sequence import plain
from marslab.widgets.figures.style import diverging, theme

MAX_ROWS, MAX_COLUMNS = 20, 48  # that still have room for a label each


def matrix_heatmap(
    matrix: Any,
    *,
    rows: str = "row (index)",
    columns: str = "column (index)",
    name: str = "value",
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str = "Matrix",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a matrix as it is written: row 0 at the top, column 0 on the left, zero in paper colour.

    Shapes (M rows, N columns):
        matrix: [M, N], torch or numpy
        row_labels, column_labels: a name for each; shown up to 20 and 48

    Units:
        rows, columns, name: titles of the axes and of the colours, with their units
        height: pixels
    """
    values = plain(matrix)
    fig = go.Figure(
        go.Heatmap(
            z=values,
            colorscale=diverging(dark),
            zmid=0,
            colorbar={"title": {"text": name, "side": "right"}, "thickness": 14},
            hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
        )
    )
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    fig.update_xaxes(
        title_text=columns, showgrid=False, **_named(column_labels, MAX_COLUMNS), zeroline=False
    )
    fig.update_yaxes(
        title_text=rows, showgrid=False, **_named(row_labels, MAX_ROWS), zeroline=False
    )
    return fig.update_yaxes(autorange="reversed")


def _named(labels: Sequence[str] | None, most: int) -> dict[str, Any]:
    if labels is None or len(labels) > most:
        return {}
    return {"tickvals": list(range(len(labels))), "ticktext": [escape(label) for label in labels]}
