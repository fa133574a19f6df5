"""Which blocks a thought may not try again: IDME's anti-repeat mask, rounds by blocks."""

import numpy as np
import plotly.graph_objects as go

from marslab.tracing import Trace
from marslab.widgets.figures.idme_record import IdmeRecord, idme_record
from marslab.widgets.figures.style import accent, colour, paper, theme

LEVELS = ("not there yet", "free", "barred", "tried now", "wins")


def idme_mask(
    trace: Trace,
    *,
    title: str = "Who may still be tried",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a cell for each round and block: free, barred, tried in this round, or its winner.

    Units:
        height: pixels

    >>> idme_mask(Trace()).data[0].colorbar.ticktext
    ('not there yet', 'free', 'barred', 'tried now', 'wins')
    """
    record = idme_record(trace)
    free, gone = ("#2c3541", "#57636f") if dark else ("#e3e8ee", "#aab4be")
    tints = [paper(dark), free, gone, colour("peer", dark), accent(dark)]
    edges = [edge / len(LEVELS) for edge in range(len(LEVELS) + 1)]
    scale = [
        [edge, tint]
        for low, high, tint in zip(edges, edges[1:], tints, strict=False)
        for edge in (low, high)
    ]
    levels = mask(record)
    fig = go.Figure(
        go.Heatmap(
            z=levels,
            y=[one.at for one in record.rounds],
            zmin=-0.5,
            zmax=len(LEVELS) - 0.5,
            colorscale=scale,
            xgap=1 if record.last <= 100 else 0,
            ygap=1 if len(record.rounds) <= 40 else 0,
            colorbar={
                "tickvals": list(range(len(LEVELS))),
                "ticktext": list(LEVELS),
                "thickness": 14,
            },
            text=[[LEVELS[level] for level in row] for row in levels],
            hovertemplate="round %{y}, block %{x}: %{text}<extra></extra>",
        )
    )
    theme(fig, dark, height)
    fig.update_xaxes(title_text="block (index)", showgrid=False, zeroline=False)
    fig.update_yaxes(title_text="round (count)", showgrid=False, zeroline=False)
    return fig.update_layout(title_text=title).update_yaxes(autorange="reversed")


def mask(record: IdmeRecord) -> np.ndarray:
    """The level of each block in each round, an index into LEVELS; [R, P], P the last size."""
    levels = np.zeros((len(record.rounds), record.last), dtype=int)
    for row, one in zip(levels, record.rounds, strict=True):
        row[: one.pool] = LEVELS.index("free")
        row[list(one.barred)] = LEVELS.index("barred")
        row[[block for block in one.tried if block not in one.barred]] = LEVELS.index("tried now")
        if one.winner >= 0:
            row[one.winner] = LEVELS.index("wins")
    return levels
