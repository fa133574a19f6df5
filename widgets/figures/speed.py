"""How fast an op ran, beside what the machine allows."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

import plotly.graph_objects as go

from marslab.widgets.figures.style import colour, ink, theme

WIDE = 30  # slowest over fastest, from which a linear axis would hide the fast ones


def timing_bars(
    rows: Mapping[str, float | Sequence[float]],
    limit: float | None = None,
    *,
    title: str = "Time of one run",
    dark: bool = False,
    height: int = 400,
    limit_name: str = "memory floor",
) -> go.Figure:
    """Draw one bar for each backend, with the floor as a line to run up against.

    Units:
        rows: name -> milliseconds, one figure or those of several runs; the bar ends at their
            median, the whisker spans them
        limit: milliseconds that the machine needs at the least, as to move the bytes once
        height: pixels
    """
    runs = {n: [r] if isinstance(r, int | float) else list(r) for n, r in rows.items()}
    fig = go.Figure()
    for name, values in runs.items():
        _bar(fig, name, values, dark)
        fig.add_scatter(  # not the bar's own text, which would lie under the whisker
            x=[max(values)],
            y=[name],
            mode="text",
            text=[_beside(median(values), limit)],
            textposition="middle right",
            hoverinfo="skip",
        )
    log = _time_axis(fig, [x for r in runs.values() for x in r] + ([limit] if limit else []))
    if limit:
        _floor(fig, limit, dark, f"{limit_name} {_short(limit)} ms", log)
    fig.update_yaxes(title_text="backend", autorange="reversed", type="category")
    fig.update_layout(title_text=title, showlegend=False)
    theme(fig, dark, height)
    return fig.update_layout(margin={"l": 92, "t": 66})


def roofline(
    points: Mapping[str, tuple[float, float, float]],
    bandwidth: float,
    peak: float | None = None,
    *,
    title: str = "Roofline of this machine",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each run as a point under the roof that memory and arithmetic set.

    Units:
        points: name -> (floating point operations, bytes moved once, seconds)
        bandwidth: bytes per second; peak: floating point operations per second
        height: pixels

    Source:
        Williams, Waterman & Patterson 2009, "Roofline: an insightful visual performance model".
    """
    ridge = peak / bandwidth if peak else 4.0
    places = [flops / moved for flops, moved, _ in points.values()]
    low, high = min([*places, ridge]) / 8, max([*places, ridge]) * 8
    fig = go.Figure()
    roof = [low, ridge, high] if peak else [low, high]
    fig.add_scatter(
        x=roof,
        y=[min(bandwidth * x, peak or bandwidth * x) / 1e9 for x in roof],
        mode="lines",
        name=f"roof: memory {bandwidth / 1e9:.3g} GB/s" + _peak(peak),
        line={"color": colour("floor", dark), "width": 2.5},
        hovertemplate="%{x:.3g} FLOP/byte: at most %{y:.3g} GFLOP/s<extra></extra>",
    )
    for name, (flops, moved, seconds) in points.items():
        share = moved / seconds / bandwidth
        fig.add_scatter(
            x=[flops / moved],
            y=[flops / seconds / 1e9],
            mode="markers",
            name=f"{name}: {share:.2g} × memory roof",
            marker={"color": colour(name, dark), "size": 13, "line": {"width": 1.5}},
            hovertemplate=f"{name}: %{{y:.3g}} GFLOP/s, {moved / seconds / 1e9:.3g} GB/s"
            "<extra></extra>",
        )
    fig.update_xaxes(title_text="intensity (FLOP per byte moved)", type="log", dtick=1)
    fig.update_yaxes(title_text="rate (GFLOP/s)", type="log", dtick=1, exponentformat="power")
    fig.update_layout(title_text=title)
    return theme(fig, dark, height).update_layout(margin_t=84)


def _bar(fig: go.Figure, name: str, values: Sequence[float], dark: bool) -> None:
    middle = median(values)
    fig.add_bar(
        x=[middle],
        y=[name],
        orientation="h",
        name=name,
        marker_color=colour(name, dark),
        width=0.6,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(values) - middle],
            "arrayminus": [middle - min(values)],
            "color": ink(dark),
            "thickness": 1.2,
        },
        hovertemplate=f"{name}: %{{x:.4g}} ms, {len(values)} runs<extra></extra>",
    )


def _peak(peak: float | None) -> str:
    return f", arithmetic {peak / 1e9:.3g} GFLOP/s" if peak else ""


def _beside(milliseconds: float, limit: float | None) -> str:
    beside = f" · {_short(milliseconds / limit)} × floor" if limit else ""
    return f" {_short(milliseconds)} ms{beside}"


def _short(x: float) -> str:
    return f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"


def _floor(fig: go.Figure, limit: float, dark: bool, text: str, log: bool) -> None:
    line = {"color": colour("floor", dark), "width": 2.5, "dash": "dash"}
    fig.add_vline(x=limit, line=line)
    fig.add_annotation(
        x=math.log10(limit) if log else limit,  # annotations, unlike shapes, take the exponent
        yref="paper",
        y=1.0,
        yanchor="bottom",
        showarrow=False,
        text=text,
    )


def _time_axis(fig: go.Figure, figures: Sequence[float]) -> bool:
    """Choose a linear or a log axis, with room for the words; tell whether it is the latter."""
    low, high = (min(figures), max(figures)) if figures else (1.0, 1.0)
    log = low > 0 and high / low > WIDE
    if log:  # ranges of a log axis are exponents
        span = [math.log10(low / 3), math.log10(high) + 0.32 * math.log10(3 * high / low)]
        fig.update_xaxes(type="log", range=span, dtick=1, title_text="time of one run (ms, log)")
    else:
        fig.update_xaxes(range=[0, high * 1.35], title_text="time of one run (ms)")
    return log
