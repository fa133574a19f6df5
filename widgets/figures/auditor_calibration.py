"""Many thoughts: is the answer right more often where p at the exit is high?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import binomtest

from marslab.widgets.figures.style import accent, colour, ink, theme

SURE = 0.95  # of the intervals


def shares(p: Sequence[float], right: Sequence[bool], bins: int = 5) -> pd.DataFrame:
    """Share of right answers in bins of p with about as many thoughts each, and its 95 % interval.

    Shapes (n thoughts):
        p, right: n each
        returns: a row a bin, with low_p, high_p, p (mean), count, right, share, low and high

    Errors:
        ValueError: no thought, lengths that differ, or bins below 1

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> shares([0.1, 0.2, 0.9, 1.0], [False, True, True, True], bins=2)["share"].tolist()
    [0.5, 1.0]
    """
    if not len(p) or len(p) != len(right) or bins < 1:
        raise ValueError(
            f"shares: p and right must be n each with n > 0, and bins at least 1,"
            f" got {len(p)}, {len(right)} and {bins}"
        )
    frame = pd.DataFrame({"p": p, "right": np.asarray(right, dtype=bool)})
    place = pd.qcut(frame["p"].rank(method="first"), min(bins, len(p)), labels=False)
    rows = []
    for _, some in frame.groupby(place):
        told = some["right"].to_numpy()
        hits, count = int(told.sum()), len(told)
        low, high = binomtest(hits, count).proportion_ci(SURE, method="wilson")
        ends = {"low_p": some["p"].min(), "high_p": some["p"].max(), "p": some["p"].mean()}
        rows.append(
            ends | {"count": count, "right": hits, "share": hits / count, "low": low, "high": high}
        )
    return pd.DataFrame(rows)


def auditor_calibration(
    p: Sequence[float],
    right: Sequence[bool],
    *,
    threshold: float | None = None,
    bins: int = 5,
    title: str = "Right answers against p at the exit",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw each thought as a dot, right on top and wrong at the bottom, and the shares of `shares`.

    A level line means that p says nothing about the answer.

    Shapes (n thoughts):
        p, right: n each

    Units:
        threshold: of p, drawn where it is given; height: pixels

    Errors:
        ValueError: as in `shares`

    >>> [t.name for t in auditor_calibration([0.5, 1.0], [False, True], bins=2).data]
    ['right', 'wrong', 'all', 'share in each of 2 groups']
    """
    found, told = shares(p, right, bins), np.asarray(right, dtype=bool)
    at, fig = np.asarray(p, dtype=float), go.Figure()
    # The golden ratio spreads the dots evenly, and alike each time.
    spread = (np.arange(len(at)) * 0.618034) % 1 * 0.08
    for name, which, base, tint in (
        ("right", told, 1.04, "triton"),
        ("wrong", ~told, -0.12, "torch"),
    ):
        fig.add_scatter(
            x=at[which].tolist(),
            y=(base + spread[which]).tolist(),
            mode="markers",
            name=name,
            marker={"color": colour(tint), "size": 6, "opacity": 0.6},
            hovertemplate=f"{name}, p = %{{x:.3f}}<extra></extra>",
        )
    line = {"color": colour("", dark), "width": 1.5, "dash": "dot"}
    ends = [float(at.min()), float(at.max())]
    fig.add_scatter(x=ends, y=[told.mean()] * 2, mode="lines", name="all", line=line)
    _line(fig, found, dark)
    theme(fig, dark, height)
    if threshold is not None:
        fig.add_vline(x=threshold, line={"color": accent(dark), "width": 1.5, "dash": "dash"})
    fig.update_xaxes(title_text="p at the exit (no unit)")
    fig.update_yaxes(
        title_text="share of right answers (0 to 1)",
        range=[-0.16, 1.16],
        tickvals=np.linspace(0, 1, 6),
    )
    return fig.update_layout(title_text=title, margin_t=74)


def _line(fig: go.Figure, found: pd.DataFrame, dark: bool) -> None:
    """The share of each bin at its mean p, with its interval and the reach of the bin."""
    fig.add_scatter(
        x=found["p"].tolist(),
        y=found["share"].tolist(),
        mode="lines+markers",
        name=f"share in each of {len(found)} groups",
        line={"color": ink(dark), "width": 2},
        marker={"size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": (found["high"] - found["share"]).tolist(),
            "arrayminus": (found["share"] - found["low"]).tolist(),
            "thickness": 1.5,
        },
        customdata=found[["right", "count"]].to_numpy().tolist(),
        hovertemplate="%{customdata[0]} of %{customdata[1]} right, p = %{x:.3f}<extra></extra>",
    )
