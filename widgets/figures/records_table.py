"""A table as a figure, so that it is exported and follows the colours of the page as others do."""

from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from marslab.widgets.figures.style import ink, paper, theme

ROW, WIDEST = 26, 60  # pixels of a row, letters of a column


def records_table(
    frame: pd.DataFrame, *, title: str = "", dark: bool = False, height: int = 400
) -> go.Figure:
    """Draw the rows of `frame`; what is missing shows as a dash.

    Units:
        height: pixels; more rows than it holds are reached by scrolling

    >>> figure = records_table(pd.DataFrame({"seed": [0, 1], "loss": [0.25, None]}))
    >>> [list(column) for column in figure.data[0].cells.values]
    [['0', '1'], ['0.25', '-']]
    """
    text = {"color": ink(dark), "size": 13}
    grid = theme(go.Figure(), dark).to_plotly_json()["layout"]["xaxis"]["gridcolor"]
    box = {"align": "left", "height": ROW, "line": {"color": grid}, "font": text}
    names = [f"<b>{escape(str(name))}</b>" for name in frame.columns]
    columns = [[_told(value) for value in frame[name].tolist()] for name in frame.columns]
    header = box | {"values": names, "fill": {"color": grid}}
    cells = box | {"values": columns, "fill": {"color": paper(dark)}}
    wide = [max(map(len, [str(n), *c])) + 2 for n, c in zip(frame.columns, columns, strict=True)]
    table = go.Table(header=header, cells=cells, columnwidth=[min(n, WIDEST) for n in wide])
    fig = theme(go.Figure(table), dark, height)
    return fig.update_layout(title_text=title, margin={"l": 8, "r": 8, "t": 48, "b": 8})


def _told(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return escape(str(value))
