"""Who was asked: the experts that a router chose for each byte, block by block."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import ramp, theme
from marslab.widgets.figures.wave_heatmap import over_bytes

MAX_LETTERS = 40  # bytes that leave a cell room for three letters


def wave_experts(
    weights: Any,
    tokens: Sequence[str],
    rows: Sequence[str],
    experts: Sequence[str],
    *,
    boundary: int | None = None,
    title: str = "Experts",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the expert of the largest weight for each block and byte; pointing at one tells all.

    Shapes (R blocks, L bytes, E experts):
        weights: [R, L, E], numpy, 0 where an expert was not asked
        tokens, rows, experts: L, R and E names; boundary: the first byte of the answer

    Units:
        height: pixels

    Errors:
        ValueError: the names do not fit the weights

    >>> wave_experts([[[0.2, 0.8]]], ["4"], ["1 left"], ["math", "code"]).data[0].text[0][0]
    'cod'
    """
    w = np.asarray(weights, dtype=float)
    if w.shape != (len(rows), len(tokens), len(experts)):
        raise ValueError(
            f"wave_experts: weights must be [{len(rows)}, {len(tokens)}, {len(experts)}] as the "
            f"names are, got {list(w.shape)}"
        )
    best, roomy = w.argmax(-1), len(tokens) <= MAX_LETTERS
    short = [escape(str(name)[:3]) for name in experts]
    told = [
        [_told(cell, experts, token) for cell, token in zip(row, tokens, strict=True)] for row in w
    ]
    fig = go.Figure(
        go.Heatmap(
            z=best,
            text=[[short[i] for i in row] for row in best] if roomy else None,
            texttemplate="%{text}" if roomy else None,
            textfont={"size": 9},
            customdata=told,
            hovertemplate="%{y}, byte %{x} %{customdata}<extra></extra>",
            xgap=1,
            ygap=1,
            **_colours(experts, dark),
        )
    )
    fig.update_layout(title_text=title)
    return over_bytes(theme(fig, dark, height), tokens, rows, boundary, "block", dark)


def _colours(experts: Sequence[str], dark: bool) -> dict[str, Any]:
    """One plain colour for each expert."""
    count = len(experts)
    tints = enumerate(ramp(count, dark))
    steps = [[(i + side) / count, tint] for i, tint in tints for side in (0, 1)]
    names = [escape(name) for name in experts]
    bar = {"tickvals": list(range(count)), "ticktext": names, "thickness": 14}
    return {"zmin": -0.5, "zmax": count - 0.5, "colorscale": steps, "colorbar": bar}


def _told(weights: np.ndarray, experts: Sequence[str], token: str) -> str:
    order = [i for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
    shares = ", ".join(f"{experts[i]} {weights[i]:.2f}" for i in order)
    return escape(f"“{token}”: {shares}")
