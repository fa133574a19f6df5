"""What each block of IDME's pool had earned before a thought, and what it earned in it."""

import plotly.graph_objects as go

from marslab.tracing import Trace
from marslab.widgets.figures.idme_record import idme_record
from marslab.widgets.figures.style import accent, colour, theme


def idme_efficiencies(
    trace: Trace,
    *,
    title: str = "What each block has earned",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the efficiency of each block as a bar: before the thought, and on it what it won.

    Blocks that the pool grew during the thought have a colour of their own.

    Units:
        height: pixels

    >>> [trace.name for trace in idme_efficiencies(Trace()).data]
    ['before', 'earned now', 'earned now by a block that was grown']
    """
    record = idme_record(trace)
    earned = record.earned
    old = {block: gain for block, gain in earned.items() if block < record.first}
    grown = {block: gain for block, gain in earned.items() if block >= record.first}
    before = {block: value for block, value in enumerate(record.start) if value}
    fig = go.Figure()
    for name, bars, tint in (
        ("before", before, colour("", dark)),
        ("earned now", old, accent(dark)),
        ("earned now by a block that was grown", grown, colour("peer", dark)),
    ):
        fig.add_bar(
            x=list(bars),
            y=list(bars.values()),
            name=name,
            marker_color=tint,
            hovertemplate="block %{x}: %{y:.3f}",
        )
    theme(fig, dark, height)
    fig.update_xaxes(title_text="block (index)", range=[-0.7, max(record.last, 1) - 0.3])
    fig.update_yaxes(title_text="efficiency (sum of gains)", rangemode="tozero")
    return fig.update_layout(title_text=title, margin_t=74, barmode="stack", bargap=0.2)
