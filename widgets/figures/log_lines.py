"""Positive numbers that run through many powers of ten, as lines on two log axes."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import colour, ramp, theme

PER_DECADE = 60  # points of a line in each power of ten of x


def log_lines(
    lines: Mapping[str, Any],
    x: Any = None,
    *,
    marks: Mapping[str, float] | None = None,
    x_title: str = "steps so far (count)",
    y_title: str = "share that is left (no unit)",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each line against x = 1, 2, 3, ...; what is not positive and finite leaves a gap.

    Shapes (n points):
        lines: name -> n numbers, any sequence or array; x: n of them, rising and positive
        marks: name -> height of a dashed line across the figure

    Units:
        height: pixels

    >>> log_lines({"half": [0.5, 0.25, 0.0]}).data[0].y.tolist()
    [0.5, 0.25, nan]
    """
    fig, drawn = go.Figure(), []
    for (name, values), tint in zip(lines.items(), ramp(len(lines), dark), strict=True):
        y = np.asarray(values, dtype=float)
        at = np.arange(1, len(y) + 1) if x is None else np.asarray(x, dtype=float)
        kept = _spread(at)
        shown = np.where(np.isfinite(y) & (y > 0), y, np.nan)[kept]
        drawn.append(shown)
        fig.add_scatter(
            x=at[kept],
            y=shown,
            mode="lines",
            name=escape(name),
            line={"color": tint, "width": 2.5},
            hovertemplate="%{y:.4g}",
        )
    _mark(fig, marks or {}, dark)
    theme(fig, dark, height)
    fig.update_xaxes(title_text=x_title, type="log", exponentformat="power", dtick=1)
    fig.update_yaxes(title_text=y_title, type="log", exponentformat="power", dtick=_every(drawn))
    return fig.update_layout(title_text=title, margin_t=74, hovermode="x")


def _mark(fig: go.Figure, marks: Mapping[str, float], dark: bool) -> None:
    for name, value in marks.items():
        fig.add_hline(y=value, line={"color": colour("floor", dark), "width": 2, "dash": "dash"})
        fig.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=math.log10(value),  # annotations, unlike shapes, take the exponent
            yanchor="top",
            showarrow=False,
            text=escape(name),
        )


def _every(lines: list[np.ndarray]) -> int:
    """Powers of ten from tick to tick, so that about eight ticks cover all lines."""
    y = np.concatenate([np.empty(0), *lines])
    powers = np.log10(y[np.isfinite(y)])
    return max(1, round(np.ptp(powers) / 8)) if len(powers) else 1


def _spread(x: np.ndarray) -> np.ndarray:
    """Indices of points that lie evenly on a log axis, the last one among them."""
    if len(x) == 0:
        return np.arange(0)
    places = np.floor(np.log10(x) * PER_DECADE)
    first = np.flatnonzero(np.diff(places, prepend=-np.inf))
    return np.unique(np.append(first, len(x) - 1))
