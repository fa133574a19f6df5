"""How fast guesses of a whole sequence approach its solution, for several problems at once."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import colour, ramp, theme


def sweep_errors(
    errors: Mapping[str, Sequence[float]],
    *,
    tol: float | None = None,
    title: str = "Error after each sweep",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw one line per problem: the error of the guess after 0, 1, 2, ... sweeps, on a log axis.

    An error of exactly 0, or one that is not finite, leaves a gap.

    Units:
        errors: name -> errors relative to the solution; tol: the same, a dashed line
        height: pixels

    >>> sweep_errors({"W of norm 1": [1.0, 0.1, 0.0]}).data[0].y.tolist()
    [1.0, 0.1, nan]
    """
    fig = go.Figure()
    for (name, values), tint in zip(errors.items(), ramp(len(errors), dark), strict=True):
        y = np.asarray(values, dtype=float)
        fig.add_scatter(
            x=np.arange(len(y)),
            y=np.where(np.isfinite(y) & (y > 0), y, np.nan),
            mode="lines+markers",
            name=escape(name),
            line={"color": tint, "width": 2},
            marker={"size": 5},
            hovertemplate="%{y:.2g}",
        )
    if tol is not None:
        fig.add_hline(y=tol, line={"color": colour("floor", dark), "width": 2, "dash": "dash"})
        fig.add_annotation(
            text=f"tolerance {tol:.0e}",
            x=0,
            xref="x domain",
            xanchor="left",
            y=math.log10(tol),  # on a log axis an annotation is placed by its exponent
            yanchor="top",
            showarrow=False,
        )
    theme(fig, dark, height)
    fig.update_xaxes(title_text="sweeps over the whole sequence (count)")
    fig.update_yaxes(title_text="relative error (no unit)", type="log", exponentformat="power")
    return fig.update_layout(title_text=title, margin_t=74, hovermode="x")
