"""Who was tried in each round of IDME, with which gain, and what all winners gained together."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.tracing import Trace
from marslab.widgets.figures.idme_record import RoundSeen, idme_record
from marslab.widgets.figures.style import accent, colour, ink, theme


def idme_candidates(
    trace: Trace,
    *,
    gain: str = "gain in value (logit)",
    title: str = "Candidates, round by round",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the gain of each candidate over the rounds, and below it what was gained so far.

    A candidate that could not win (used before, or too small a step) stands as a cross at 0.

    Units:
        gain: title of the axis, with its unit; height: pixels

    >>> [trace.name for trace in idme_candidates(Trace()).data]
    ['tried', 'winner', 'dropped: a loop', 'could not win', 'gained so far']
    """
    rounds = idme_record(trace).rounds
    fig = make_subplots(
        rows=2, cols=1, row_heights=[0.66, 0.34], vertical_spacing=0.08, shared_xaxes=True
    )
    blue, grey = colour("peer", dark), colour("", dark)
    looks = {
        "tried": {"symbol": "circle-open", "size": 8, "color": blue, "line": {"width": 1.5}},
        "winner": {"symbol": "circle", "size": 10, "color": accent(dark)},
        "dropped: a loop": {"symbol": "diamond", "size": 10, "color": ink(dark)},
        "could not win": {"symbol": "x-thin", "size": 7, "line": {"width": 1.5, "color": grey}},
    }
    points: dict[str, list[tuple[int, float, int]]] = {name: [] for name in looks}
    for one in rounds:
        for block, value in zip(one.tried, one.gains, strict=True):
            points[_role(one, block, value)].append((one.at, value or 0.0, block))
    for name, marker in looks.items():
        _dots(fig, name, points[name], marker)
    _total(fig, rounds, accent(dark))
    theme(fig, dark, height)
    fig.update_xaxes(range=[-0.3, len(rounds) + 0.5])
    fig.update_xaxes(title_text="round (count)", row=2, col=1)
    fig.update_yaxes(title_text=gain, row=1, col=1)
    fig.update_yaxes(title_text="so far", rangemode="tozero", row=2, col=1)
    return fig.update_layout(title_text=title, margin_t=74)


def _role(one: RoundSeen, block: int, gain: float | None) -> str:
    """Which of the four kinds of point a candidate is."""
    if gain is None:
        return "could not win"
    if block == one.winner:
        return "winner"
    dropped = one.loop is not None and one.loop.dropped
    best = max(value for value in one.gains if value is not None)
    return "dropped: a loop" if dropped and gain == best else "tried"


def _dots(fig: go.Figure, name: str, points: list[tuple[int, float, int]], marker: dict) -> None:
    fig.add_scatter(
        x=[at for at, _, _ in points],
        y=[gain for _, gain, _ in points],
        customdata=[block for _, _, block in points],
        mode="markers",
        name=name,
        marker=marker,
        hovertemplate="round %{x}, block %{customdata}: %{y:+.3f}",
        row=1,
        col=1,
    )


def _total(fig: go.Figure, rounds: tuple[RoundSeen, ...], tint: str) -> None:
    total = [0.0]
    for one in rounds:
        total.append(total[-1] + one.gain)
    fig.add_scatter(
        x=list(range(len(total))),
        y=total,
        mode="lines",
        name="gained so far",
        line={"color": tint, "width": 2, "shape": "hv"},
        hovertemplate="%{y:.3f} after round %{x}",
        row=2,
        col=1,
    )
