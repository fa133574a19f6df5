"""What each change of a study does to the score: one row for each variant, beside the baseline."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, diverging, ink, theme

BELOW = 0.24  # rows between a mean and the dots of its seeds
GROUPS = {
    "baseline": "baseline",
    "worse": "clearly worse",
    "better": "clearly better",
    "open": "not clear",
}


def ablation_effects(
    summary: pd.DataFrame,
    seeds: Mapping[str, Sequence[float]] | None = None,
    *,
    score: str = "score (no unit)",
    more_is_better: bool = True,
    baseline: str = "baseline",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the mean of each variant, its interval and its seeds; the best stands on top.

    A variant is clearly worse or better, and its dot filled, where the interval of its difference
    from the baseline leaves out 0. Beside each row stand that difference and the number of runs.

    Shapes:
        summary: a row for each variant, with variant, runs, mean, low, high, difference,
            difference_low and difference_high; NaN where there is none
        seeds: variant -> the score of each run

    Units:
        score: the axis, with its unit; height: pixels

    >>> frame = pd.DataFrame([{"variant": "baseline", "runs": 1, "mean": 0.9}])
    >>> figure = ablation_effects(frame)
    >>> [trace.name for trace in figure.data]
    ['baseline']
    """
    columns = ("low", "high", "difference", "difference_low", "difference_high")
    every: Any = summary.reindex(columns=["variant", "runs", "mean", *columns])
    known = every[every["mean"].notna()].to_dict("records")
    records = sorted(known, key=lambda row: row["mean"], reverse=not more_is_better)
    fig = go.Figure()
    _seeds(fig, [(seeds or {}).get(row["variant"], ()) for row in records], dark)
    kinds = [_kind(row, baseline, more_is_better) for row in records]
    for kind, words in GROUPS.items():
        chosen = [at for at, found in enumerate(kinds) if found == kind]
        if chosen:
            _means(fig, {at: records[at] for at in chosen}, kind, words, dark)
    _line(fig, records, baseline, dark)
    theme(fig, dark, height)
    names = [escape(str(row["variant"])) for row in records]
    fig.update_yaxes(
        title_text="variant",
        tickvals=list(range(len(names))),
        ticktext=names,
        range=[-0.6, len(names) - 0.4],
        zeroline=False,
        ticks="",
    )
    fig.update_xaxes(title_text=score, zeroline=False)
    return fig.update_layout(
        title_text=title,
        legend_traceorder="normal",
        margin={"t": 84, "r": 150},
        annotations=_beside(records, baseline),
    )


def _kind(row: Mapping[str, Any], baseline: str, more_is_better: bool) -> str:
    if row["variant"] == baseline:
        return "baseline"
    low, high = row["difference_low"], row["difference_high"]
    if high < 0:  # false where there is no interval
        return "worse" if more_is_better else "better"
    if low > 0:
        return "better" if more_is_better else "worse"
    return "open"


def _means(
    fig: go.Figure, rows: Mapping[int, Mapping[str, Any]], kind: str, words: str, dark: bool
) -> None:
    tints = {"worse": accent(dark), "better": str(diverging(dark)[0][1]), "baseline": ink(dark)}
    tint = tints.get(kind, colour("", dark))
    found = list(rows.values())
    fig.add_scatter(
        x=[row["mean"] for row in found],
        y=list(rows),
        text=[_hover(row) for row in found],
        mode="markers",
        name=words,
        marker={
            "color": tint,
            "size": 13,
            "symbol": {"baseline": "square", "open": "circle-open"}.get(kind, "circle"),
            "line": {"width": 2.5 if kind == "open" else 0, "color": tint},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [row["high"] - row["mean"] for row in found],
            "arrayminus": [row["mean"] - row["low"] for row in found],
            "color": tint,
            "thickness": 2.5,
            "width": 5,
        },
        hovertemplate="%{text}<extra></extra>",
    )


def _seeds(fig: go.Figure, runs: Sequence[Sequence[float]], dark: bool) -> None:
    dots = [(value, at - BELOW) for at, values in enumerate(runs) for value in values]
    if dots:
        fig.add_scatter(
            x=[x for x, _ in dots],
            y=[y for _, y in dots],
            mode="markers",
            name="one run",
            marker={"color": colour("", dark), "size": 6, "opacity": 0.75},
            hovertemplate="one run: %{x:.4g}<extra></extra>",
        )


def _hover(row: Mapping[str, Any]) -> str:
    told = f"{escape(str(row['variant']))}: mean {row['mean']:.4g}"
    if row["low"] != row["low"]:
        return f"{told}, no interval"
    return f"{told}, 95 % interval {row['low']:.4g} to {row['high']:.4g}"


def _beside(records: Sequence[Mapping[str, Any]], baseline: str) -> list[dict[str, Any]]:
    """The words in the right margin: the difference of each row, and its number of runs."""
    place = {"x": 1.0, "xref": "paper", "xanchor": "left", "xshift": 12, "showarrow": False}
    told = [
        "baseline" if row["variant"] == baseline else signed(row["difference"]) for row in records
    ]
    notes = [
        place | {"y": at, "text": f"{words}  (n = {row['runs']:.0f})"}
        for at, (words, row) in enumerate(zip(told, records, strict=True))
    ]
    head = place | {"y": len(records) - 0.45, "yanchor": "bottom", "text": "difference"}
    return [*notes, head] if notes else []


def _line(fig: go.Figure, records: Sequence[Mapping[str, Any]], baseline: str, dark: bool) -> None:
    for row in records:
        if row["variant"] == baseline:
            fig.add_vline(x=row["mean"], line={"color": ink(dark), "width": 1.5, "dash": "dash"})


def signed(x: float, digits: int = 3) -> str:
    """Write a difference with its sign, a dash where there is none.

    >>> signed(-0.2394), signed(float("nan"))
    ('−0.239', '-')
    """
    if x != x:
        return "-"
    return f"{x:+.{digits}g}".replace("-", "−")
