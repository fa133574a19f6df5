"""What a noisy vector resembles: its cosine with everything it could be."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, paper, theme

MAX_LABELS = 24


def similarity_bars(
    cosines: Sequence[float],
    wanted: int,
    *,
    chance: float | None = None,
    labels: Sequence[str] | None = None,
    title: str = "Similarity to each item",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a bar for each item, the wanted one marked, and how far chance alone would reach.

    Units:
        cosines: -1 to 1; wanted: the index of the right item
        chance: a cosine that random vectors seldom exceed; height: pixels

    >>> similarity_bars([0.1, 0.9], wanted=1).data[0].name
    'the right one'
    """
    names = [str(i) for i in range(len(cosines))] if labels is None else [*map(escape, labels)]
    fig = go.Figure()
    others = [i for i in range(len(cosines)) if i != wanted]
    for name, which, tint in (
        ("the right one", [wanted], accent(dark)),
        ("the others", others, colour("", dark)),
    ):
        fig.add_bar(
            x=which,
            y=[cosines[i] for i in which],
            name=name,
            marker_color=tint,
            hovertemplate="item %{x}: %{y:.3f}<extra></extra>",
        )
    if chance is not None:
        for y in (chance, -chance):
            fig.add_hline(y=y, line={"color": ink(dark), "width": 1, "dash": "dot"})
        words = {"text": "chance ±2/√D", "x": 1, "xref": "paper", "xanchor": "right"}
        box = {"bgcolor": paper(dark), "borderpad": 2, "yshift": 12, "showarrow": False}
        fig.add_annotation(y=chance, **box, **words)
    fig.update_layout(title_text=title, barmode="overlay")
    theme(fig, dark, height)
    fig.update_xaxes(title_text="item (index)")
    if len(names) <= MAX_LABELS:
        fig.update_xaxes(tickvals=list(range(len(names))), ticktext=names)
    fig.update_yaxes(title_text="cosine (−1 to 1)", range=[min(-0.25, *cosines), 1.05])
    return fig.update_layout(margin_t=74)
