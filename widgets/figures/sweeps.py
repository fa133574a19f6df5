"""How an iteration over a whole sequence closes in on its solution."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, theme


def solve_sweeps(
    sweeps: Sequence[int],
    residuals: Sequence[float],
    tol: float,
    *,
    title: str = "Residual after each sweep",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the residual against the sweeps made so far, and the tolerance that ends them.

    Residuals of exactly 0 have no place on a log axis: they are drawn at a tenth of the least.

    Units:
        sweeps: passes over the whole sequence; residuals, tol: relative to max|h|
        height: pixels

    >>> solve_sweeps([1, 2], [0.1, 0.0], 1e-6).data[0].y
    (0.1, 1e-07)
    """
    least = min([r for r in (*residuals, tol) if r > 0])
    fig = go.Figure(
        go.Scatter(
            x=list(sweeps),
            y=[r or least / 10 for r in residuals],
            customdata=list(residuals),
            mode="lines+markers",
            name="residual",
            line={"color": accent(dark), "width": 2},
            marker={"size": 8},
            hovertemplate="after %{x} sweeps: %{customdata:.2g}<extra></extra>",
        )
    )
    fig.add_hline(y=tol, line={"color": colour("floor", dark), "width": 2.5, "dash": "dash"})
    fig.add_annotation(
        x=1,
        xref="paper",
        xanchor="right",
        y=math.log10(tol),  # annotations, unlike shapes, take the exponent
        yshift=11,
        showarrow=False,
        text=f"tolerance {tol:.0e}",
    )
    fig.update_layout(title_text=title, showlegend=False)
    theme(fig, dark, height)
    last = max(sweeps, default=1)
    fig.update_xaxes(title_text="sweeps over the whole sequence (count)", range=[0, last + 1])
    fig.update_yaxes(title_text="residual, relative to max|h|", type="log", exponentformat="power")
    return fig
