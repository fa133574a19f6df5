"""A thought's steps with both laws, and its exponent wave by wave: where would a rule stop?"""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.step_laws import step_laws
from marslab.widgets.figures.style import accent, colour, ink, theme

RULES = {
    "ours": ("the auditor stops", "triton", 19),
    "printed": ("printed rule stops", "naive", 13),
}
WIDE = 100  # largest step over smallest, from which powers of ten are ticks enough
FINE = [m * 10.0**n for n in range(-8, 2) for m in (1, 2, 5)]
Stops = Mapping[str, int | None]


def auditor_steps(
    steps: Sequence[float],
    p: float,
    q: float,
    stops: Stops,
    *,
    title: str = "The steps of a thought",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw `step_laws`, with a ring around the step at which each rule stops.

    Units:
        steps: relative sizes, the first at wave 1; p, q: of the two laws, already fitted
        stops: "ours" and "printed" -> the wave, or None where that rule does not stop
        height: pixels

    >>> figure = auditor_steps([1.0, 0.5, 0.25], 1.2, 0.5, {"ours": None, "printed": 2})
    >>> [trace.name for trace in figure.data]
    ['steps', 'power, p = 1.20', 'factor, q = 0.50', 'printed rule stops']
    """
    fig = step_laws(steps, p, q, title=title, dark=dark, height=height)
    _rings(fig, stops, steps)
    drawn = [step for step in steps if 0 < step < math.inf]
    if drawn and max(drawn) / min(drawn) < WIDE:
        fig.update_yaxes(tickvals=FINE, ticktext=[f"{at:g}" for at in FINE])
    return fig


def auditor_waves(
    laws: Mapping[str, Sequence[float]],
    threshold: float,
    stops: Stops,
    *,
    least_r2: Sequence[float | None] = (),
    title: str = "p and R² after each wave",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw p after each wave against its threshold; below it R2 of both laws against theirs.

    The first wave has no slope, so that the lines begin at the second.

    Shapes (T waves):
        laws: "p", "r2_power" and "r2_geometric" -> T numbers
        least_r2: T numbers above which R2 must be, None at a wave with no verdict; or empty

    Units:
        threshold: of p; height: pixels
        stops: "ours" and "printed" -> the wave, or None where that rule does not stop

    Errors:
        KeyError: one of the three is missing

    >>> one = [0.0, 1.0, 1.2]
    >>> laws = {"p": one, "r2_power": one, "r2_geometric": one}
    >>> [t.name for t in auditor_waves(laws, 1.1, {"ours": 3}).data][:2]
    ['p', 'threshold']
    """
    p, last = laws["p"], len(laws["p"])
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    waves = list(range(2, last + 1))
    at, ends = {"row": 1, "col": 1}, [1.6, last + 0.4]
    _line(fig, "p", waves, p[1:], ink(dark), **at)
    line = {"color": colour("floor"), "width": 2, "dash": "dash"}
    fig.add_scatter(x=ends, y=[threshold] * 2, mode="lines", name="threshold", line=line, **at)
    _rings(fig, stops, p, **at)
    below = {"row": 2, "col": 1}
    _line(fig, "R² of the power", waves, laws["r2_power"][1:], colour("numba"), **below)
    _line(fig, "R² of the factor", waves, laws["r2_geometric"][1:], accent(dark), **below)
    if least_r2:
        look = {"symbol": "line-ew", "size": 26, "line": {"width": 3, "color": colour("", dark)}}
        name, needed = "R² must be above", list(least_r2)[1:]
        fig.add_scatter(x=waves, y=needed, mode="markers", name=name, marker=look, **below)
    theme(fig, dark, height)
    heights = [*p[1:], threshold, 0.0]
    reach = 0.1 * (max(heights) - min(heights))
    fig.update_yaxes(
        title_text="p (no unit)", range=[min(heights) - reach, max(heights) + reach], row=1
    )
    fig.update_yaxes(title_text="R² (no unit)", range=[-0.05, 1.05], row=2)
    fig.update_xaxes(range=ends, dtick=1, tickformat="d")
    fig.update_xaxes(title_text="waves so far (count)", row=2)
    return fig.update_layout(title_text=title, margin_t=90)


def _line(
    fig: go.Figure, name: str, x: Sequence[int], y: Sequence[float], tint: str, **at: int
) -> None:
    fig.add_scatter(
        x=list(x),
        y=list(y),
        mode="lines+markers",
        name=name,
        line={"color": tint, "width": 2},
        marker={"size": 7},
        hovertemplate="after wave %{x}: %{y:.3f}",
        **at,
    )


def _rings(fig: go.Figure, stops: Stops, heights: Sequence[float], **at: int) -> None:
    """A ring of each rule that stops, around the height of its wave."""
    for rule, (name, tint, size) in RULES.items():
        wave = stops.get(rule)
        if wave is not None:
            look = {"symbol": "circle-open", "size": size, "color": colour(tint)}
            fig.add_scatter(
                x=[wave],
                y=[heights[wave - 1]],
                mode="markers",
                name=name,
                marker=look | {"line": {"width": 3}},
                hovertemplate=f"{name} after wave %{{x}}<extra></extra>",
                **at,
            )
