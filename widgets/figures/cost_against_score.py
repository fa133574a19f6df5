"""What a variant costs, beside what it scores."""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from marslab.widgets.figures.learning_curves import AT_THE_SIDE, variant_colours
from marslab.widgets.figures.style import theme

UNITS = {
    "seconds": "time of one run (s",
    "parameters": "trainable parameters (count",
    "ms": "median time of one example (ms",
    "kB": "file (kB",
}
WIDE = 20  # dearest over cheapest, from which a linear axis would hide the cheap ones
SYMBOLS = ("circle", "diamond", "triangle-up", "cross", "star", "hexagon")


def cost_against_score(
    summary: pd.DataFrame,
    *,
    cost: str = "parameters",
    score: str = "score (no unit)",
    baseline: str = "baseline",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each variant as a mark, its cost to the right and its mean score upwards.

    Shapes:
        summary: a row for each variant, with variant, mean, low, high and the column `cost`

    Units:
        cost: "seconds", "parameters", "ms" or "kB"; score: the axis, with its unit; height: pixels

    Errors:
        ValueError: there is no such cost

    >>> frame = pd.DataFrame([{"variant": "baseline", "mean": 0.9, "parameters": 800.0}])
    >>> cost_against_score(frame).data[0].x
    (800.0,)
    """
    if cost not in UNITS:
        raise ValueError(f"cost_against_score: cost must be one of {list(UNITS)}, got {cost!r}")
    rows = summary.reindex(columns=["variant", "mean", "low", "high", cost])
    known = rows[rows["mean"].notna() & rows[cost].notna()].set_index("variant")
    fig = go.Figure()
    for at, (name, tint) in enumerate(variant_colours(rows["variant"], baseline, dark).items()):
        if name in known.index:
            symbol = "square" if name == baseline else SYMBOLS[at % len(SYMBOLS)]
            row = known.loc[name].astype(float)
            _mark(fig, str(name), row.rename({cost: "cost"}), {"color": tint, "symbol": symbol})
    theme(fig, dark, height)
    dear = known[cost].astype(float)
    log = bool(len(dear) and dear.min() > 0 and dear.max() / dear.min() > WIDE)
    unit = UNITS[cost] + (", log)" if log else ")")
    fig.update_xaxes(title_text=unit, type="log" if log else "linear")
    fig.update_yaxes(title_text=score)
    legend = AT_THE_SIDE | {"traceorder": "reversed"}
    return fig.update_layout(title_text=title, legend=legend, showlegend=True)


def _mark(fig: go.Figure, name: str, row: pd.Series, look: dict[str, str]) -> None:
    fig.add_scatter(
        x=[row["cost"]],
        y=[row["mean"]],
        mode="markers",
        name=escape(name),
        marker={"size": 12, **look},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - row["mean"]],
            "arrayminus": [row["mean"] - row["low"]],
            "color": look["color"],
            "thickness": 1.5,
            "width": 4,
        },
        hovertemplate=f"{escape(name)}: %{{x:,.4g}}, score %{{y:.4g}}<extra></extra>",
    )
