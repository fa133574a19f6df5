"""How often numbers of each size occur, above the levels that they are rounded to."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, theme

BINS = 81  # an odd number, so that one of them stands around 0
RUG = 0.12  # length of a level's mark, of the highest bar


def value_levels(
    values: Any,
    levels: Any,
    *,
    x_title: str = "weight (no unit)",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a histogram of the values, and below it a mark at each level.

    Shapes (n values, N levels):
        values: [n], levels: [N], torch or numpy

    Units:
        x_title: the values, with their unit; height: pixels

    >>> figure = value_levels([0.0, 1.0, 1.0], [0.0, 1.0])
    >>> [trace.type for trace in figure.data], max(figure.data[0].y)
    (['bar', 'scatter'], 2)
    """
    found, marks = (np.asarray(x, dtype=float).ravel() for x in (values, levels))
    both = np.concatenate([found, marks])
    counts, edges = np.histogram(found, bins=BINS, range=(both.min(), both.max()))
    most = max(int(counts.max()), 1)
    ticks = sorted(
        {round(most * part / 4) for part in range(5)}
    )  # none below 0, where the marks are
    fig = go.Figure()
    fig.add_bar(
        x=((edges[1:] + edges[:-1]) / 2).tolist(),
        y=counts.tolist(),
        width=float(edges[1] - edges[0]),
        marker_color=colour("", dark),
        name="values",
        hovertemplate="near %{x:.3g}: %{y}<extra></extra>",
    )
    fig.add_scatter(
        x=[at for mark in marks.tolist() for at in (mark, mark, None)],
        y=[at for _ in marks for at in (0.0, -RUG * most, None)],
        mode="lines",
        line={"color": accent(dark), "width": 1},
        name="levels",
        hovertemplate="level %{x:.3g}<extra></extra>",
    )
    theme(fig, dark, height)
    fig.update_xaxes(title_text=x_title)
    fig.update_yaxes(
        title_text="how many (count)", tickvals=ticks, ticktext=[str(tick) for tick in ticks]
    )
    return fig.update_layout(title_text=title, bargap=0, margin_t=74)
