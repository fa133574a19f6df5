"""What a memory found for a question: how alike each find is, and where a hit begins."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme

LONGEST = 38  # characters of a name beside its bar


def recalled_bars(
    nearest: Sequence[tuple[str, float]],
    kept: tuple[str, float] | None = None,
    *,
    hit: bool = False,
    threshold: float | None = None,
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the cosine of the nearest records, best on top, above them that of a kept question.

    Shapes (k records):
        nearest: k pairs of name and cosine, the best first

    Units:
        kept: a question that was answered before, and its cosine; hit: whether it was one
        threshold: the cosine from which it can be one; height: pixels

    >>> figure = recalled_bars([("a", 0.9), ("b", 0.2)], ("a?", 0.95), hit=True, threshold=0.92)
    >>> [trace.name for trace in figure.data]
    ['kept question: hit', 'records', 'threshold of a hit']
    """
    fig = go.Figure()
    labels = [_short(f"{at} {name}") for at, (name, _) in enumerate(nearest, 1)]
    if kept is not None:
        labels = [_short(kept[0]), *labels]
        name, tint = f"kept question: {'hit' if hit else 'miss'}", colour("triton", dark)
        _bars(fig, [0], [kept], name, tint, 1.0 if hit else 0.45)
    first = int(kept is not None)
    _bars(fig, range(first, len(labels)), nearest, "records", accent(dark), 1.0)
    if kept is not None and threshold is not None:
        line = {"color": ink(dark), "width": 1.5, "dash": "dot"}
        ends = {"x": [threshold] * 2, "y": [-0.5, 0.5]}
        fig.add_scatter(**ends, mode="lines", name="threshold of a hit", line=line)
    theme(fig, dark, height)
    low = min(0.0, *(float(score) for _, score in ([kept] if kept else []) + [*nearest]), 0.0)
    fig.update_xaxes(title_text="cosine with the question (−1 to 1)", range=[low - 0.02, 1.12])
    ticks = {"tickvals": list(range(len(labels))), "ticktext": labels}
    fig.update_yaxes(title_text="", range=[len(labels) - 0.4, -0.6], zeroline=False, **ticks)
    return fig.update_layout(title_text=title, barmode="overlay", margin_t=74)


def _bars(
    fig: go.Figure,
    at: Sequence[int],
    found: Sequence[tuple[str, float]],
    name: str,
    tint: str,
    opacity: float,
) -> None:
    fig.add_bar(
        x=[float(score) for _, score in found],
        y=list(at),
        orientation="h",
        name=name,
        marker={"color": tint, "opacity": opacity},
        text=[f" {score:.2f}" for _, score in found],
        textposition="outside",
        cliponaxis=False,
        customdata=[escape(words) for words, _ in found],
        hovertemplate="%{customdata}<br>%{x:.3f}<extra></extra>",
    )


def _short(name: str) -> str:
    return escape(name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…")
