"""What a vector that was read resembles: its cosine with each code, and what chance reaches."""

from collections.abc import Collection, Sequence
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme

MAX_LABELS = 24


def hdc_similarity(
    cosines: Sequence[float],
    labels: Sequence[str],
    *,
    wanted: int | None,
    found: int | None,
    least: float,
    title: str = "What was read, beside each code",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a bar for each code: the right one, one that was found in its place, and the others.

    Shapes (M codes):
        cosines, labels: M; wanted, found: an index, or None where there is none

    Units:
        cosines, least: -1 to 1, below `least` chance alone may be as near; height: pixels

    Errors:
        ValueError: there is not one label for each cosine

    >>> figure = hdc_similarity([0.4, 0.1], ["Paris", "Rome"], wanted=0, found=0, least=0.2)
    >>> [bars.name for bars in figure.data]
    ['the right one', 'the others', 'rejected below 0.200']
    """
    if len(cosines) != len(labels):
        raise ValueError(
            f"hdc_similarity: give a label for each of {len(cosines)} cosines, got {len(labels)}"
        )
    fig = go.Figure()
    groups = (
        ("the right one", {wanted}, accent(dark)),
        ("found, and wrong", {found} - {wanted}, colour("naive", dark)),
        ("the others", set(range(len(cosines))) - {wanted, found}, colour("", dark)),
    )
    for name, which, tint in groups:
        _bars(fig, cosines, labels, which, name=name, marker_color=tint)
    fig.add_scatter(
        x=[-0.6, len(cosines) - 0.4],
        y=[least] * 2,
        mode="lines",
        name=f"rejected below {least:.3f}",
        line={"color": ink(dark), "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    fig.update_layout(title_text=title, barmode="overlay")
    theme(fig, dark, height)
    fig.update_xaxes(title_text="code", range=[-0.6, len(cosines) - 0.4])
    if len(labels) <= MAX_LABELS:
        named = [escape(label) for label in labels]
        fig.update_xaxes(tickvals=list(range(len(named))), ticktext=named, tickangle=-35)
    low, high = min(0.0, *cosines), max(least, *cosines)
    fig.update_yaxes(title_text="cosine (−1 to 1)", range=[1.15 * low - 0.01, 1.1 * high])
    return fig.update_layout(margin={"t": 74, "b": 92})


def _bars(
    fig: go.Figure,
    cosines: Sequence[float],
    labels: Sequence[str],
    which: Collection[int | None],
    **look: str,
) -> None:
    shown = sorted(code for code in which if code is not None)
    if shown:
        fig.add_bar(
            x=shown,
            y=[cosines[code] for code in shown],
            customdata=[escape(labels[code]) for code in shown],
            hovertemplate="%{customdata}: %{y:.3f}<extra></extra>",
            **look,
        )
