"""What the waves of a model did with each byte: one row a wave or block, one column a byte."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import diverging, ink, theme

MAX_TICKS = 80  # bytes that still have room for their letters
LEAST = 0.05  # from the middle to the end of the colours, so that noise stays pale


def wave_heatmap(
    values: Any,
    tokens: Sequence[str],
    rows: Sequence[str],
    *,
    name: str = "value (no unit)",
    middle: float | None = None,
    boundary: int | None = None,
    y_title: str = "wave",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a value for each wave and byte, the first wave on top; NaN stays empty.

    With a `middle` colours go to both sides of it, alike far; without one from least to greatest.

    Shapes (R rows, L bytes):
        values: [R, L], numpy; tokens: L texts; rows: R names
        boundary: the first byte of the answer; a line stands before it

    Units:
        name: what the colours stand for, with its unit; height: pixels

    Errors:
        ValueError: the names do not fit the values

    >>> wave_heatmap([[0.5, 0.6]], ["4", "7"], ["1"], middle=0.5).data[0].zmax
    0.6
    """
    z = np.asarray(values, dtype=float)
    if z.shape != (len(rows), len(tokens)):
        raise ValueError(
            f"wave_heatmap: values must be [{len(rows)}, {len(tokens)}] as the names are, "
            f"got {list(z.shape)}"
        )
    fig = go.Figure(
        go.Heatmap(
            z=z,
            colorbar={"title": {"text": name, "side": "right"}, "thickness": 14},
            customdata=[[escape(token) for token in tokens]] * len(rows),
            hovertemplate=f"{y_title} %{{y}}, “%{{customdata}}”: %{{z:.4g}}<extra></extra>",
            hoverongaps=False,
            **_scale(z, middle, dark),
        )
    )
    fig.update_layout(title_text=title)
    return over_bytes(theme(fig, dark, height), tokens, rows, boundary, y_title, dark)


def over_bytes(
    fig: go.Figure,
    tokens: Sequence[str],
    rows: Sequence[str],
    boundary: int | None,
    y_title: str,
    dark: bool,
) -> go.Figure:
    """Name the rows and the bytes of a heat map, in place, and mark where the answer begins."""
    across: dict[str, Any] = {"showgrid": False, "zeroline": False}
    fig.update_xaxes(title_text="byte read (in order)", **across)
    if len(tokens) <= MAX_TICKS:
        names = [escape(token) for token in tokens]
        fig.update_xaxes(tickvals=list(range(len(names))), ticktext=names, tickangle=0)
    named = {"tickvals": list(range(len(rows))), "ticktext": [escape(row) for row in rows]}
    fig.update_yaxes(title_text=y_title, autorange="reversed", **named, **across)
    if boundary is not None:
        line = {"color": ink(dark), "width": 1.5, "dash": "dot"}
        fig.add_vline(x=boundary - 0.5, line=line)
        words = {"text": "answer", "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left"}
        fig.add_annotation(x=boundary - 0.5, showarrow=False, **words)
    return fig


def _scale(z: np.ndarray, middle: float | None, dark: bool) -> dict[str, Any]:
    if middle is None:
        return {"colorscale": "Viridis"}
    there = z[np.isfinite(z)]
    reach = max(LEAST, float(np.abs(there - middle).max(initial=0)))
    ends = {"zmin": round(middle - reach, 6), "zmax": round(middle + reach, 6)}
    return {"colorscale": diverging(dark), **ends}
