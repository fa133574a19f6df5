"""Small images side by side: which pixels matter, or what a memory gives back."""

from collections.abc import Sequence
from html import escape
from math import isqrt
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.style import accent, paper, theme

PER_ROW = 5


def continual_pixels(
    images: Any,
    names: Sequence[str],
    *,
    name: str = "value (no unit)",
    title: str = "Pixels",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw square images, five in a row, all on one scale from 0 (paper) to the greatest.

    Values below 0, which only noise has here, are drawn as 0 and told as they are.

    Shapes (M images, P pixels):
        images: [M, P], torch or numpy, P a square number; names: M titles

    Units:
        name: what the colours stand for, with its unit; height: pixels

    Errors:
        ValueError: the images are not square, or the names do not fit them

    >>> continual_pixels([[0, 1, 2, 3]], ["one"]).data[0].z.tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    values = np.asarray(images, dtype=float)
    if (
        values.ndim != 2
        or len(values) != len(names)
        or isqrt(values.shape[1]) ** 2 != values[0].size
    ):
        raise ValueError(
            f"continual_pixels: images must be [{len(names)}, P] with P a square number, "
            f"got {list(values.shape)}"
        )
    side, across = isqrt(values.shape[1]), min(PER_ROW, len(names))
    down = -(-len(names) // across)
    fig = make_subplots(
        down, across, subplot_titles=[escape(each) for each in names], horizontal_spacing=0.02,
        vertical_spacing=0.16,
    )  # fmt: skip
    for at, image in enumerate(values):
        cells = go.Heatmap(
            z=image.reshape(side, side),
            coloraxis="coloraxis",
            name=escape(names[at]),
            hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        )
        fig.add_trace(cells, at // across + 1, at % across + 1)
    fig.update_layout(title_text=title, coloraxis=_scale(float(values.max()), name, dark))
    theme(fig, dark, height)
    fig.update_xaxes(visible=False, constrain="domain")
    fig.update_yaxes(visible=False, constrain="domain", autorange="reversed")
    _square(fig, len(names))
    return fig.update_layout(margin={"l": 24, "t": 74, "b": 24})


def _square(fig: go.Figure, count: int) -> None:
    """Make the pixels of all images square, in place."""
    for at in range(count):
        number = "" if at == 0 else str(at + 1)
        fig.update_layout({f"yaxis{number}": {"scaleanchor": f"x{number}"}})


def _scale(most: float, name: str, dark: bool) -> dict[str, Any]:
    """The one scale of all images, from 0 to the greatest."""
    return {
        "colorscale": [[0, paper(dark)], [1, accent(dark)]],
        "colorbar": {"title": {"text": name, "side": "right"}, "thickness": 14},
        "cmin": 0,
        "cmax": max(most, 1e-12),
    }
