"""What was promised beside what was measured: verdicts by system, figures against their bounds."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.style import accent, ink, theme

# Shades tell the verdicts apart for some readers; the counts in the bars do for all.
VERDICT_COLOURS = {
    "holds": "#009E73",
    "partly": "#E69F00",
    "does not hold": "#D55E00",
    "cannot be tested here": "#7F8C99",
    "not measured yet": "#B9C3CD",
}
WIDE = 30  # from this ratio on a linear axis would hide the smaller figure
ROOM = 0.25  # of the span, left and right of what is drawn


class Bounded(NamedTuple):
    """One measured figure with the bound within which the promise holds, and that for partly.

    Bounds are (sign, number), the sign one of <=, <, >=, > and ==.
    """

    name: str
    value: float
    holds: tuple[str, float]
    partly: tuple[str, float] | None = None


def verdict_counts(
    counts: Mapping[str, Mapping[str, int]],
    *,
    title: str = "Promises by verdict",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw one bar for each system, made of its verdicts.

    Units:
        counts: system -> verdict -> number of claims
        height: pixels
    """
    fig = go.Figure()
    for verdict, tint in VERDICT_COLOURS.items():
        numbers = [counts[system].get(verdict, 0) for system in counts]
        if not any(numbers):
            continue
        fig.add_bar(
            x=numbers,
            y=list(counts),
            orientation="h",
            name=verdict,
            marker_color=tint,
            text=[str(n) if n else "" for n in numbers],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertemplate=f"%{{y}}: %{{x}} {verdict}<extra></extra>",
        )
    fig.update_xaxes(title_text="claims (count)", rangemode="tozero", tickformat=",d")
    fig.update_yaxes(title_text="system", autorange="reversed", type="category")
    fig.update_layout(title_text=title, barmode="stack", showlegend=True)
    return theme(fig, dark, height).update_layout(margin_t=84)


def against_bounds(
    figures: Sequence[Bounded],
    *,
    title: str = "Measured against promised",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each figure on an axis of its own, with the range within which the promise holds.

    Units:
        height: pixels
    """
    fig = make_subplots(rows=max(len(figures), 1), cols=1, vertical_spacing=0.3)
    for row, each in enumerate(figures, start=1):
        _row(fig, row, each, dark)
    fig.update_yaxes(visible=False, range=[0, 1])
    fig.update_layout(title_text=title, showlegend=False)
    return theme(fig, dark, height).update_layout(margin={"t": 70, "l": 24})


def _row(fig: go.Figure, row: int, each: Bounded, dark: bool) -> None:
    log, low, high = _axis(each)
    fig.update_xaxes(title_text=f"{each.name}{' (log)' if log else ''}", row=row, col=1)
    if log:
        span = [math.log10(low), math.log10(high)]
        fig.update_xaxes(type="log", range=span, exponentformat="power", row=row, col=1)
    else:
        fig.update_xaxes(range=[low, high], row=row, col=1)
    fig.add_scatter(
        x=[each.value],
        y=[0.45],
        mode="markers+text",
        marker={"color": accent(dark), "size": 15, "symbol": "diamond"},
        text=[f"measured {each.value:.4g}"],
        textposition="top center",
        textfont_color=ink(dark),
        hovertemplate=f"{each.name} = %{{x:.4g}}<extra></extra>",
        row=row,
        col=1,
    )
    ends = (low, high)
    if each.partly is not None:  # as far as the range within which it holds in full
        _range(fig, row, each.partly, "partly", _beyond(each.holds, ends))
    _range(fig, row, each.holds, "holds", ends)


def _range(
    fig: go.Figure, row: int, bound: tuple[str, float], verdict: str, axis: tuple[float, float]
) -> None:
    """Shade where a bound is kept; of an equality draw the line."""
    sign, limit = bound
    tint = VERDICT_COLOURS[verdict]
    place = {"row": row, "col": 1, "line": {"color": tint, "width": 2}}
    if sign != "==":
        left, right = (axis[0], limit) if sign.startswith("<") else (limit, axis[1])
        fig.add_vrect(x0=left, x1=right, fillcolor=tint, opacity=0.22, line_width=0, row=row, col=1)  # pyright: ignore[reportArgumentType]
    fig.add_vline(x=limit, **place)
    fig.add_scatter(
        x=[limit],
        y=[0.93],
        mode="text",
        text=[f" {verdict} {sign} {limit:g} "],
        textposition="middle left" if sign.startswith(">") else "middle right",
        hoverinfo="skip",
        row=row,
        col=1,
    )


def _beyond(bound: tuple[str, float], ends: tuple[float, float]) -> tuple[float, float]:
    """The part of an axis on which a bound is not kept."""
    sign, limit = bound
    if sign == "==":
        return ends
    return (limit, ends[1]) if sign.startswith("<") else (ends[0], limit)


def _axis(each: Bounded) -> tuple[bool, float, float]:
    """Whether the axis is logarithmic, and its two ends."""
    bounds = [each.holds, *([each.partly] if each.partly else [])]
    shown = [each.value, *(limit for _, limit in bounds)]
    low, high = min(shown), max(shown)
    if low > 0 and high / low > WIDE:
        room = (high / low) ** ROOM
        return True, low / room, high * room
    room = ROOM * (high - low) or 0.5 * abs(high) or 1.0
    return False, low - (2 * room if low < 0 else room / 2), high + 2 * room
