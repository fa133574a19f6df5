"""How many blocks IDME's pool has, how many of them a thought may still try, and when it grew."""

import plotly.graph_objects as go

from marslab.tracing import Trace
from marslab.widgets.figures.idme_record import idme_record
from marslab.widgets.figures.style import accent, colour, ink, theme


def idme_pool(
    trace: Trace,
    *,
    needed: int | None = None,
    title: str = "The pool, round by round",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the size of the pool and the blocks left after each round, and each expansion.

    Units:
        needed: candidates of a round: with fewer blocks left the pool grows
        height: pixels

    >>> [trace.name for trace in idme_pool(Trace(), needed=3).data]
    ['blocks in the pool', 'not tried yet', 'the pool grows', 'needed for a round']
    """
    record = idme_record(trace)
    at = list(range(len(record.rounds) + 1))
    size = [record.first, *(one.pool for one in record.rounds)]
    used = [0, *(len(one.barred | set(one.tried)) for one in record.rounds)]
    left = [blocks - gone for blocks, gone in zip(size, used, strict=True)]
    steps = {"mode": "lines", "hovertemplate": "%{y} after round %{x}"}
    fig = go.Figure()
    for name, line, tint in (
        ("blocks in the pool", size, ink(dark)),
        ("not tried yet", left, colour("peer", dark)),
    ):
        look = {"color": tint, "width": 2.5, "shape": "hv"}
        fig.add_scatter(x=at, y=line, name=name, line=look, **steps)
    before = [record.first, *(blocks for _, blocks in record.grown)]
    more = [size - old for (_, size), old in zip(record.grown, before, strict=False)]
    fig.add_scatter(
        x=[round for round, _ in record.grown],
        y=[blocks for _, blocks in record.grown],
        customdata=more,
        mode="markers",
        name="the pool grows",
        marker={"symbol": "triangle-up", "size": 10, "color": accent(dark)},
        hovertemplate="before round %{x}: %{customdata} more, %{y} blocks",
    )
    if needed is not None:
        dots = {"color": colour("", dark), "width": 1.5, "dash": "dot"}
        ends = {"x": [0, max(len(record.rounds), 1)], "y": [needed] * 2}
        fig.add_scatter(**ends, mode="lines", name="needed for a round", line=dots)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="round (count)")
    fig.update_yaxes(title_text="blocks (count)", rangemode="tozero")
    return fig.update_layout(title_text=title, margin_t=74)
