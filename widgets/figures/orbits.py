"""Vectors that are turned again and again, seen in a plane, beside the unit circle."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import colour, ramp, theme


def orbits(
    paths: Mapping[str, Any],
    *,
    title: str = "One vector, turned again and again",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each path through its points, with the circle on which lengths stay 1.

    Shapes (n points):
        paths: name -> [n, 2], torch or numpy, the first point first

    Units:
        height: pixels

    >>> [trace.name for trace in orbits({"a turn": [[1.0, 0.0], [0.0, 1.0]]}).data]
    ['length 1', 'a turn']
    """
    fig = go.Figure()
    around = np.linspace(0, 2 * np.pi, 181)
    fig.add_scatter(
        x=np.cos(around).tolist(),
        y=np.sin(around).tolist(),
        mode="lines",
        name="length 1",
        line={"color": colour("", dark), "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    for (name, points), tint in zip(paths.items(), ramp(len(paths), dark), strict=True):
        x, y = np.asarray(points, dtype=float).T.tolist()
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines+markers",
            name=escape(name),
            line={"color": tint, "width": 1.5},
            marker={"size": 7, "color": tint},
            hovertemplate="turn %{pointNumber}: %{x:.3f}, %{y:.3f}",
        )
    theme(fig, dark, height)
    fig.update_xaxes(title_text="first dim (no unit)", constrain="domain", zeroline=False)
    fig.update_yaxes(title_text="second dim (no unit)", scaleanchor="x", zeroline=False)
    return fig.update_layout(title_text=title, margin_t=74)
