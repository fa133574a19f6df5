"""The singular values of a thought's last states, round by round, and the detector's verdicts."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.thinking.loops import KINDS
from marslab.tracing import Trace
from marslab.widgets.figures.idme_record import RoundSeen, idme_record
from marslab.widgets.figures.style import accent, colour, ramp, theme


def idme_hankel(
    trace: Trace,
    *,
    title: str = "Hankel spectrum and verdicts",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the values of each round's Hankel matrix over the largest; below, what was decided.

    A verdict is open where it decides nothing: the window is not full yet, or nobody would have
    won. The values decide nothing at all; they are shown beside.

    Units:
        height: pixels

    >>> [trace.name for trace in idme_hankel(Trace()).data]
    ['no loop', 'loop: dropped', 'decides nothing']
    """
    rounds = idme_record(trace).rounds
    fig = make_subplots(
        rows=2, cols=1, row_heights=[0.6, 0.4], vertical_spacing=0.08, shared_xaxes=True
    )
    count = max((len(one.values) for one in rounds), default=0)
    for value, tint in enumerate(ramp(max(count - 1, 0), dark), 1):
        fig.add_scatter(
            x=[one.at for one in rounds],
            y=[_share(one, value) for one in rounds],
            mode="lines+markers",
            name=f"σ{value + 1} / σ1",
            line={"color": tint, "width": 2},
            marker={"size": 5},
            hovertemplate="round %{x}: %{y:.3g}",
            row=1,
            col=1,
        )
    _verdicts(fig, rounds, dark)
    theme(fig, dark, height)
    fig.update_xaxes(range=[0.5, max(len(rounds), 1) + 0.5])
    fig.update_xaxes(title_text="round (count)", row=2, col=1)
    fig.update_yaxes(title_text="share of σ1", range=[-0.03, 1.08], row=1, col=1)
    names = {"categoryorder": "array", "categoryarray": list(KINDS), "range": [-0.5, 3.5]}
    fig.update_yaxes(title_text="verdict", type="category", zeroline=False, row=2, col=1, **names)
    return fig.update_layout(title_text=title, margin_t=74)


def _share(one: RoundSeen, value: int) -> float | None:
    """A singular value against the largest; 0 where all are, None where there is none."""
    if value >= len(one.values):
        return None
    return one.values[value] / one.values[0] if one.values[0] > 0 else 0.0


def _verdicts(fig: go.Figure, rounds: tuple[RoundSeen, ...], dark: bool) -> None:
    judged = [(one.at, one.loop) for one in rounds if one.loop is not None]
    blue, grey = colour("peer", dark), colour("", dark)
    marks = {
        "no loop": (lambda loop: loop.counted and not loop.dropped, "circle", blue),
        "loop: dropped": (lambda loop: loop.dropped, "diamond", accent(dark)),
        "decides nothing": (lambda loop: not loop.counted, "circle-open", grey),
    }
    for name, (mine, symbol, tint) in marks.items():
        fig.add_scatter(
            x=[at for at, loop in judged if mine(loop)],
            y=[loop.kind for _, loop in judged if mine(loop)],
            customdata=[[loop.lag, loop.ratio] for _, loop in judged if mine(loop)],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 10, "color": tint},
            hovertemplate="%{y}, period %{customdata[0]}, misses by %{customdata[1]:.3g}",
            row=2,
            col=1,
        )
