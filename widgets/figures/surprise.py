"""A stream of things told to a memory: how surprised it was by each, before it was written."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme


def surprise_bars(
    surprises: Sequence[float],
    seen: Sequence[bool],
    threshold: float | None = None,
    *,
    labels: Sequence[str] | None = None,
    title: str = "Surprise, in the order of telling",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a bar for each item told, those told before in a colour of their own.

    Shapes (N items told):
        surprises, seen, labels: N of each

    Units:
        surprises, threshold: loss, 0 for what is known by heart; height: pixels

    Errors:
        ValueError: the lengths differ

    >>> figure = surprise_bars([1.0, 0.1], [False, True], 0.4)
    >>> [(trace.name, trace.x) for trace in figure.data][:2]
    [('told for the first time', (0,)), ('told before', (1,))]
    """
    if len(seen) != len(surprises) or len(surprises if labels is None else labels) != len(seen):
        raise ValueError(
            f"surprise_bars: {len(surprises)} surprises need as many marks and labels, "
            f"got {len(seen)} and {len(labels or [])}"
        )
    fig = go.Figure()
    tints = {"told for the first time": accent(dark), "told before": colour("numba", dark)}
    for old, (name, tint) in enumerate(tints.items()):
        at = [i for i, known in enumerate(seen) if known == bool(old)]
        heights = [float(surprises[i]) for i in at]
        told = "item %{x}: %{y:.3f}<extra></extra>"
        fig.add_bar(x=at, y=heights, name=name, marker={"color": tint}, hovertemplate=told)
    if threshold is not None:
        ends = [-0.5, len(surprises) - 0.5]
        line = {"color": ink(dark), "width": 1.5, "dash": "dot"}
        level = [float(threshold)] * 2
        fig.add_scatter(x=ends, y=level, mode="lines", name="threshold", line=line)
    fig.update_layout(title_text=title, barmode="overlay")
    theme(fig, dark, height)
    fig.update_xaxes(title_text="item told (in order)", range=[-0.7, len(surprises) - 0.3])
    if labels is not None:
        shown = [escape(label) for label in labels]
        fig.update_xaxes(tickvals=list(range(len(shown))), ticktext=shown)
    fig.update_yaxes(title_text="surprise (loss)", rangemode="tozero")
    return fig.update_layout(margin_t=74)
