"""How far from the machine's limit kernels run, many rows of work in one picture."""

from collections.abc import Iterable

import plotly.graph_objects as go

from marslab.widgets.figures.style import colour, ink, theme

LOOKS = {"ours": ("circle", 12), "peer": ("diamond", 11), "yardstick": ("x", 9)}  # symbol, size
GOAL = ("line-ns-open", 18)


def times_of_floor(
    points: Iterable[tuple[str, str, str, float, float]],
    *,
    title: str = "How far from the limit",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each variant of each row of work at its time over the floor of the row.

    Units:
        points: (row, name, kind, ms, times the floor), kind being "ours", "peer", "yardstick" or
            "goal"; height: pixels

    >>> figure = times_of_floor([("fwd", "triton", "ours", 0.2, 1.1), ("fwd", "fla", "peer", 1, 5)])
    >>> [trace.name for trace in figure.data]
    ['triton', 'peer']
    """
    series: dict[tuple[str, str], list[tuple[str, str, float, float]]] = {}
    for row, name, kind, ms, times in points:
        told = name.split()[0] if kind == "ours" else kind  # "triton euler" with triton
        series.setdefault((kind, told), []).append((row, name, ms, times))
    fig = go.Figure()
    for (kind, told), found in series.items():
        symbol, size = LOOKS.get(kind, GOAL)
        tint = ink(dark) if kind == "goal" else colour(told, dark)
        fig.add_scatter(
            x=[times for *_, times in found],
            y=[row for row, *_ in found],
            mode="markers",
            name=told,
            marker={"color": tint, "symbol": symbol, "size": size, "line": {"width": 2}},
            customdata=[[name, ms] for _, name, ms, _ in found],
            hovertemplate="%{customdata[0]}: %{customdata[1]:.4g} ms, %{x:.3g} times the floor"
            "<extra></extra>",
        )
    theme(fig, dark, height)
    fig.add_vline(x=1, line={"color": colour("floor", dark), "dash": "dash"})
    fig.update_xaxes(type="log", title_text="time (times the floor)", dtick="D2")
    fig.update_yaxes(title_text="work", autorange="reversed", type="category")
    return fig.update_layout(title_text=title, margin_l=230, margin_t=74)
