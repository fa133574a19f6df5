"""What rounding the weights of a layer does to its outputs."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.sequence import plain
from marslab.widgets.figures.style import accent, ink, theme


def products(
    rounded: Any,
    exact: Any,
    *,
    title: str = "Product with rounded weights against the product with the weights",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each output twice computed as a dot; on the line they would be equal.

    Shapes (n outputs):
        rounded, exact: any shape of n numbers, torch or numpy

    Units:
        height: pixels
    """
    y, x = (plain(values.reshape(-1, 1))[:, 0] for values in (rounded, exact))
    reach = 1.05 * max(np.abs(np.concatenate([x, y])).max(initial=0.0), 1e-12)
    fig = go.Figure()
    line = {"color": ink(dark), "width": 1, "dash": "dot"}
    ends = [-reach, reach]
    fig.add_scatter(x=ends, y=ends, mode="lines", name="equal", line=line, hoverinfo="skip")
    fig.add_scatter(
        x=x,
        y=y,
        mode="markers",
        name="one output",
        marker={"color": accent(dark), "size": 6, "opacity": 0.7},
        hovertemplate="float %{x:.4g}, ternary %{y:.4g}<extra></extra>",
    )
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="x Wᵀ with float weights (no unit)", range=ends)
    fig.update_yaxes(title_text="with ternary weights (no unit)", range=ends)
    return fig.update_layout(margin_t=74)
