"""Two quantities of many thoughts, one above the other, against what was turned."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.style import accent, colour, ink, theme

Lines = Mapping[str, Sequence[float]]


def auditor_sweep(
    thresholds: Sequence[float],
    right: Sequence[float],
    waves: Sequence[float],
    *,
    chosen: float,
    all_waves: tuple[float, float],
    title: str = "What a threshold of p costs and what it saves",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the share of right answers and the mean number of waves against the threshold of p.

    Shapes (n thresholds):
        thresholds, right, waves: n each

    Units:
        right: 0 to 1; waves: count; chosen: the threshold of the slider
        all_waves: share of right answers and number of waves of thoughts that never stop early
        height: pixels

    >>> figure = auditor_sweep([1.0, 2.0], [0.8, 0.9], [5.0, 6.0], chosen=1.0, all_waves=(0.9, 6))
    >>> [trace.name for trace in figure.data]
    ['stops at the threshold', 'all waves', 'stops at the threshold', 'all waves']
    """
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    ends = [min(thresholds), max(thresholds)]
    quiet = {"color": colour("", dark), "width": 2, "dash": "dot"}
    for row, (line, whole) in enumerate(zip((right, waves), all_waves, strict=True), 1):
        fig.add_scatter(
            x=list(thresholds),
            y=list(line),
            mode="lines+markers",
            name="stops at the threshold",
            line={"color": ink(dark), "width": 2.5, "shape": "hv"},
            showlegend=row == 1,
            hovertemplate="p > %{x:g}: %{y:.3g}<extra></extra>",
            row=row,
            col=1,
        )
        fig.add_scatter(
            x=ends, y=[whole] * 2, mode="lines", name="all waves", line=quiet,
            showlegend=row == 1, row=row, col=1,
        )  # fmt: skip
    fig.add_vline(x=chosen, line={"color": accent(dark), "width": 1.5, "dash": "dash"})
    theme(fig, dark, height)
    fig.update_xaxes(title_text="threshold of p (no unit)", row=2)
    fig.update_yaxes(title_text="right (0 to 1)", range=[-0.03, 1.03], row=1)
    fig.update_yaxes(title_text="waves (mean count)", range=[0, all_waves[1] + 0.4], row=2)
    return fig.update_layout(title_text=title, margin_t=74)
