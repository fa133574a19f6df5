"""Weights of three levels, as a picture of where they stand."""

from typing import Any

import plotly.graph_objects as go

from marslab.widgets.figures.sequence import plain
from marslab.widgets.figures.style import diverging, theme

MAX_SIDE = 512  # cells of a picture along one side


def weight_levels(
    weights: Any,
    *,
    title: str = "Weights of three levels",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a matrix of -1, 0 and +1 in three colours; of a larger one the first 512 x 512.

    Shapes (N outputs, K inputs):
        weights: [N, K], torch or numpy

    Units:
        height: pixels
    """
    values = plain(weights)[:MAX_SIDE, :MAX_SIDE]
    low, zero, high = (str(tint) for _, tint in diverging(dark))
    thirds = [[0, low], [1 / 3, low], [1 / 3, zero], [2 / 3, zero], [2 / 3, high], [1, high]]
    levels = {"tickvals": [-1, 0, 1], "ticktext": ["−1", "0", "+1"], "thickness": 14}
    fig = go.Figure(
        go.Heatmap(
            z=values,
            zmin=-1.5,
            zmax=1.5,
            colorscale=thirds,
            colorbar={**levels, "title": {"text": "weight (times scale)", "side": "right"}},
            hovertemplate="output %{y}, input %{x}: %{z:+d}<extra></extra>",
        )
    )
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="input (index)", showgrid=False, zeroline=False)
    fig.update_yaxes(title_text="output (index)", showgrid=False, zeroline=False)
    return fig.update_yaxes(autorange="reversed")
