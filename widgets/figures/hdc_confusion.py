"""What was asked against what was found, of a memory that was drawn anew many times."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, paper, theme


def hdc_confusion(
    shares: Any,
    asked: Sequence[str],
    found: Sequence[str],
    *,
    title: str = "What was asked, and what was found",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw how often each answer was found for each question, in percent.

    Shapes (R questions, C answers):
        shares: [R, C]; asked: R names; found: C names

    Units:
        shares: 0 to 1; height: pixels

    Errors:
        ValueError: the names do not fit the shares

    >>> hdc_confusion([[0.75, 0.25]], ["France"], ["Paris", "none"]).data[0].text[0]
    ['75', '25']
    """
    z = np.asarray(shares, dtype=float)
    if z.shape != (len(asked), len(found)):
        raise ValueError(
            f"hdc_confusion: shares must be [{len(asked)}, {len(found)}] as the names are, "
            f"got {list(z.shape)}"
        )
    rows, columns = ([escape(name) for name in names] for names in (asked, found))
    fig = go.Figure(
        go.Heatmap(
            z=z.tolist(),
            zmin=0,
            zmax=1,
            colorscale=[[0, paper(dark)], [1, accent(dark)]],
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": "share (0 to 1)", "side": "right"}, "thickness": 14},
            text=[[f"{100 * share:.0f}" if share else "" for share in row] for row in z],
            texttemplate="%{text}",
            customdata=[[f"{row} → {column}" for column in columns] for row in rows],
            hovertemplate="%{customdata}: %{z:.1%}<extra></extra>",
        )
    )
    theme(fig, dark, height)
    plain: dict[str, Any] = {"showgrid": False, "zeroline": False}
    at = {"tickvals": list(range(len(columns))), "ticktext": columns, "tickangle": -35}
    fig.update_xaxes(title_text="found (percent of all times)", **at, **plain)
    at = {"tickvals": list(range(len(rows))), "ticktext": rows}
    fig.update_yaxes(title_text="asked", autorange="reversed", **at, **plain)
    return fig.update_layout(title_text=title, margin_b=92)
