"""The threshold of p for each type of task, ours and the printed one, beside a thought's p."""

from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme

LOOKS = {"printed": ("naive", "circle", 15), "ours": ("triton", "diamond", 9)}


def auditor_thresholds(
    tables: Mapping[str, Mapping[str, float]],
    p: float,
    threshold: float,
    stops: Mapping[str, Mapping[str, int | None]],
    *,
    title: str = "Thresholds of p by type of task",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw both tables; beside each type the wave at which either stops the thought.

    Shapes:
        tables: "ours" and "printed" -> type of task -> threshold, with the same types
        stops: the same keys -> the wave, or None where the thought goes on to its end

    Units:
        p: after the last wave; threshold: of the slider; height: pixels

    >>> tables = {"ours": {"status": 1.05}, "printed": {"status": 0.7}}
    >>> stops = {"ours": {"status": None}, "printed": {"status": 5}}
    >>> auditor_thresholds(tables, 0.9, 1.1, stops).layout.yaxis.ticktext
    ('status<br>ours: no stop · printed: 5',)
    """
    types, fig = list(tables["ours"]), go.Figure()
    for name, (tint, symbol, size) in LOOKS.items():
        fig.add_scatter(
            x=[tables[name][each] for each in types],
            y=list(range(len(types))),
            mode="markers",
            name=name,
            marker={"color": colour(tint), "symbol": symbol, "size": size},
            hovertemplate=f"{name}: %{{x:g}}<extra></extra>",
        )
    ends = [-0.6, len(types) - 0.4]
    for name, value, tint, dash in (
        (f"p after the last wave, {p:.2f}", p, ink(dark), "solid"),
        (f"slider, {threshold:g}", threshold, accent(dark), "dash"),
    ):
        line = {"color": tint, "width": 2, "dash": dash}
        fig.add_scatter(x=[value] * 2, y=ends, mode="lines", name=name, line=line)
    theme(fig, dark, height)
    values = [*tables["ours"].values(), *tables["printed"].values(), p, threshold]
    fig.update_xaxes(
        title_text="threshold of p (no unit)",
        range=[min(0.0, min(values)) - 0.05, max(values) + 0.1],
    )
    told = [
        _told(each, {name: stops[name][each] for name in ("ours", "printed")}) for each in types
    ]
    fig.update_yaxes(range=ends[::-1], tickvals=list(range(len(types))), ticktext=told)
    return fig.update_layout(title_text=title, margin_t=74)


def _told(task: str, stops: Mapping[str, int | None]) -> str:
    words = (f"{name}: {'no stop' if at is None else at}" for name, at in stops.items())
    return f"{escape(task)}<br>{' · '.join(words)}"
