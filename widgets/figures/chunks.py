"""What is left of a sequence when each chunk of it becomes one number."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.sequence import plain, thin
from marslab.widgets.figures.style import ink, ramp, theme


def chunk_steps(
    y: Any,
    x: Any,
    chunk: int,
    *,
    channels: Sequence[int] = (0,),
    labels: Sequence[str] | None = None,
    name: str = "mean",
    title: str = "One number for each chunk",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each chunk's number as a level over the steps of the chunk, the input as dots.

    Shapes (L length, D width):
        y: [L // chunk, D] or [B, L // chunk, D]; x: [L, D] or [B, L, D], of which the first
            sequence is drawn
        channels: indices into D; labels: a name for each of them

    Units:
        chunk: steps; name: what the levels are; height: pixels

    >>> len(chunk_steps([[1.5], [3.5]], [[1.0], [2.0], [3.0], [4.0]], 2).data)
    2
    """
    levels, dots = plain(y), plain(x)
    names = [f"channel {c}" for c in channels] if labels is None else list(labels)
    fig = go.Figure()
    _dots(fig, dots[:, channels[0]], dark)
    for channel, label, tint in zip(channels, names, ramp(len(names), dark), strict=True):
        _levels(fig, levels[:, channel], chunk, label, tint)
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="time (steps)", range=[-1, len(dots)])
    fig.update_yaxes(title_text=f"{name} (no unit)")
    return fig.update_layout(margin_t=74)


def _dots(fig: go.Figure, values: np.ndarray, dark: bool) -> None:
    steps, thinned = thin(values)
    fig.add_scatter(
        x=steps,
        y=thinned,
        mode="markers",
        name="input x",
        marker={"color": ink(dark), "size": 4, "opacity": 0.45},
        hovertemplate="%{y:.4g}",
    )


def _levels(fig: go.Figure, values: np.ndarray, chunk: int, label: str, tint: str) -> None:
    start = np.arange(len(values)) * chunk - 0.5
    end = start + chunk
    # a gap after each level: the levels of two chunks are not connected
    held = np.column_stack([values, values, np.full_like(values, np.nan)])
    fig.add_scatter(
        x=np.column_stack([start, end, end]).ravel(),
        y=held.ravel(),
        mode="lines",
        name=escape(label),
        line={"color": tint, "width": 3},
        hovertemplate="%{y:.4g}",
    )
