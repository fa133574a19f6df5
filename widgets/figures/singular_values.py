"""Singular values of several matrices side by side, each relative to its largest."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import ramp, theme


def singular_values(
    spectra: Mapping[str, Any],
    *,
    most: int = 4,
    title: str = "Singular values",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the first values of each matrix as bars, the largest at 1; a matrix of zeros has none.

    Shapes (S values):
        spectra: name -> [S], torch or numpy, largest first

    Units:
        most: values of each that are drawn; height: pixels

    >>> singular_values({"rank 1": [2.0, 0.0], "none": [0.0, 0.0]}).data[0].y
    (1.0, 0.0)
    """
    names = [escape(name) for name in spectra]
    shares = [_relative(values)[:most] for values in spectra.values()]
    count = max((len(share) for share in shares), default=0)
    fig = go.Figure()
    for i, tint in enumerate(ramp(count, dark)):
        fig.add_bar(
            x=names,
            y=[float(share[i]) if i < len(share) else None for share in shares],
            name=f"value {i + 1}",
            marker_color=tint,
            hovertemplate="%{y:.3g}",
        )
    theme(fig, dark, height)
    fig.update_xaxes(title_text="thought")
    fig.update_yaxes(title_text="singular value, largest = 1", range=[0, 1.05])
    return fig.update_layout(title_text=title, margin_t=74, barmode="group", bargap=0.3)


def _relative(values: Any) -> np.ndarray:
    x = np.asarray(values, dtype=float)
    return x / x.max() if x.size and x.max() > 0 else np.zeros_like(x)
