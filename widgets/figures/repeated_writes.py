"""One thing written again and again: what it does to its own surprise, and to that of others."""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme


def repeated_writes(
    text: Sequence[float],
    beside: Mapping[str, Sequence[float]],
    threshold: float | None = None,
    *,
    name: str = "the text",
    title: str = "Surprise, write after write",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the surprise of a text before any write and after each, with what else was watched.

    Shapes (R writes):
        text, and each of `beside`: R + 1 surprises

    Units:
        threshold: above it a text is written; height: pixels

    Errors:
        ValueError: the lengths differ, or there are more than two lines beside

    >>> figure = repeated_writes([0.9, 0.1], {"the question": [1.0, 0.9]}, 0.35)
    >>> [trace.name for trace in figure.data]
    ['the text', 'the question', 'threshold']
    """
    if len(beside) > 2 or any(len(line) != len(text) for line in beside.values()):
        raise ValueError(
            f"repeated_writes takes up to 2 lines beside the text, each of {len(text)} values"
        )
    fig, at = go.Figure(), list(range(len(text)))
    tints = (accent(dark), ink(dark), colour("numba", dark))
    for (label, line), tint in zip({name: text, **beside}.items(), tints, strict=False):
        fig.add_scatter(
            x=at,
            y=[float(value) for value in line],
            name=escape(label),
            mode="lines+markers",
            line={"color": tint, "width": 2.5 if label == name else 1.5},
            marker={"size": 8 if label == name else 5},
            cliponaxis=False,
            hovertemplate="%{y:.4g} after %{x} writes<extra></extra>",
        )
    if threshold is not None:
        line = {"color": colour("", dark), "width": 1.5, "dash": "dot"}
        level = [float(threshold)] * 2
        fig.add_scatter(x=[at[0], at[-1]], y=level, mode="lines", name="threshold", line=line)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="writes of the text (count)", tickvals=at)
    fig.update_yaxes(title_text="surprise (loss)", rangemode="tozero")
    return fig.update_layout(title_text=title, margin_t=74)
