"""Quantities over time that are known everywhere, as lines, and at some moments, as dots."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import ramp, theme

SYMBOLS = ("circle", "diamond-open", "square-open", "cross")


def curves(
    lines: Mapping[str, tuple[Any, Any]],
    dots: Mapping[str, tuple[Any, Any]] | None = None,
    *,
    x_title: str = "time (no unit)",
    y_title: str = "value (no unit)",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each line and each set of dots from its own pair of x and y.

    Shapes (n points):
        lines, dots: name -> (x [n], y [n]), any sequence or array

    Units:
        x_title, y_title: the axes with their units; height: pixels

    >>> figure = curves({"exact": ([0, 1], [0, 1])}, {"steps": ([0.5], [0.4])})
    >>> [trace.mode for trace in figure.data]
    ['lines', 'markers']
    """
    dots = dots or {}
    fig, tints = go.Figure(), ramp(len(lines) + len(dots), dark)
    for (name, (x, y)), tint in zip(lines.items(), tints, strict=False):
        line = {"color": tint, "width": 2.5}
        _add(fig, name, x, y, mode="lines", line=line)
    for i, ((name, (x, y)), tint) in enumerate(zip(dots.items(), tints[len(lines) :], strict=True)):
        marker = {"color": tint, "size": 9, "symbol": SYMBOLS[i % len(SYMBOLS)]}
        _add(fig, name, x, y, mode="markers", marker=marker)
    theme(fig, dark, height)
    fig.update_xaxes(title_text=x_title)
    fig.update_yaxes(title_text=y_title)
    return fig.update_layout(title_text=title, margin_t=74)


def _add(fig: go.Figure, name: str, x: Any, y: Any, **look: Any) -> None:
    # Lists and not arrays: explorers draw from the figure's JSON, where arrays are packed.
    at, values = (np.asarray(v, dtype=float).tolist() for v in (x, y))
    fig.add_scatter(x=at, y=values, name=escape(name), hovertemplate="%{y:.4g}", **look)
