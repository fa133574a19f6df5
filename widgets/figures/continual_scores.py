"""Average accuracy, transfer and forgetting of a few methods side by side."""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme

NAMES = ("average", "BWT", "FWT", "forgetting")
TINTS = ("naive", "peer")  # of naive and joint training; any other method stands out


def continual_scores(
    scores: Mapping[str, Sequence[float]],
    *,
    title: str = "Beside doing nothing, and beside all tasks at once",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the four scores of each method as bars; "naive" and "joint" keep colours of their own.

    Shapes:
        scores: for each method average, BWT, FWT and forgetting, as `marslab.learning.continual`'s
            `Scores`

    Units:
        height: pixels

    Errors:
        ValueError: a method has not four scores

    >>> [bar.name for bar in continual_scores({"naive": (0.1, -0.9, 0.0, 0.9)}).data]
    ['naive']
    """
    fig = go.Figure()
    tints = {"naive": colour(TINTS[0]), "joint": colour(TINTS[1])}
    for name, values in scores.items():
        if len(values) != len(NAMES):
            raise ValueError(
                f"continual_scores: {name} must have the scores {', '.join(NAMES)}, "
                f"got {len(values)} of them"
            )
        fig.add_bar(
            x=list(NAMES),
            y=[float(value) for value in values],
            name=escape(name),
            marker_color=tints.get(name, accent(dark)),
            text=[f"{value:.2f}" for value in values],
            textposition="outside",
            cliponaxis=False,
        )
    fig.add_hline(y=0, line={"color": ink(dark), "width": 1})
    fig.update_layout(title_text=title, barmode="group", bargap=0.3)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="score")
    fig.update_yaxes(title_text="score (−1 to 1, no unit)", range=[-1.12, 1.12], zeroline=False)
    return fig.update_layout(margin_t=74)
