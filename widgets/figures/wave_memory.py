"""The memory on its way through the waves: how little the spine turns it, how far it gets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.style import ink, theme
from marslab.widgets.figures.wave_heatmap import over_bytes


def wave_memory(
    spine: Any,
    memory: Any,
    tokens: Sequence[str],
    rows: Sequence[str],
    *,
    boundary: int | None = None,
    title: str = "Memory between waves",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the cosine of the memory before and after the spine, and of the memories of two waves.

    Shapes (W waves, L bytes):
        spine: [W, L], numpy; NaN where there was no memory before
        memory: [W, W]; tokens: L texts; rows: W names; boundary: the first byte of the answer

    Units:
        spine, memory: cosines; height: pixels

    Errors:
        ValueError: the names do not fit the cosines

    >>> figure = wave_memory([[0.9, 0.8]], [[1.0]], ["4", "7"], ["1"])
    >>> [trace.zmax for trace in figure.data]
    [1.0, 1.0]
    """
    left, right = (np.asarray(x, dtype=float) for x in (spine, memory))
    W, L = len(rows), len(tokens)
    if left.shape != (W, L) or right.shape != (W, W):
        raise ValueError(
            f"wave_memory: spine must be [{W}, {L}] and memory [{W}, {W}] as the names are, "
            f"got {list(left.shape)} and {list(right.shape)}"
        )
    names = ("before and after the spine", "after two waves")
    fig = make_subplots(
        1, 2, column_widths=[0.7, 0.3], subplot_titles=names, horizontal_spacing=0.16
    )
    _panel(fig, 1, left, 0.595)
    _panel(fig, 2, right, 1.02)
    over_bytes(theme(fig, dark, height), tokens, rows, None, "wave", dark)
    ticks = {"tickvals": list(range(W)), "ticktext": list(rows)}
    fig.update_xaxes(title_text="wave", row=1, col=2, **ticks)
    if boundary is not None:
        line = {"color": ink(dark), "width": 1.5, "dash": "dot"}
        fig.add_vline(x=boundary - 0.5, line=line, row=1, col=1)  # pyright: ignore[reportArgumentType]
    return fig.update_layout(title_text=title, margin_t=84)


def _panel(fig: go.Figure, column: int, z: np.ndarray, bar: float) -> None:
    """One heat map of cosines, up to 1; its colour bar stands at `bar` of the width."""
    fig.add_heatmap(
        z=z,
        zmin=float(np.nanmin(z, initial=1.0)),
        zmax=1.0,
        colorscale="Viridis",
        colorbar={
            "thickness": 12,
            "title": {"text": "cosine", "side": "right"},
            "x": bar,
            "xanchor": "left",
        },
        hovertemplate="wave %{y}, at %{x}: %{z:.4f}<extra></extra>",
        hoverongaps=False,
        row=1,
        col=column,
    )
