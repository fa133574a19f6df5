"""How the score of each variant came about, epoch by epoch."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.colors import convert_colors_to_same_type, unlabel_rgb

from marslab.widgets.figures.style import ink, ramp, theme

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
FEW_EPOCHS = 16  # up to so many each has its tick
AT_THE_SIDE = {"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"}
Curve = Sequence[Sequence[float]]


def learning_curves(
    runs: Mapping[str, Sequence[Curve]],
    *,
    score: str = "score (no unit)",
    epochs: str = "epoch (count)",
    baseline: str = "baseline",
    title: str = "",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the mean over the runs of each variant, and the span from its least to its largest run.

    Where the runs of a variant do not have the same epochs, those count that all of them have.

    Shapes (n epochs):
        runs: variant -> the curve of each run, n pairs (epoch, score)

    Units:
        score, epochs: the axes, with their units; height: pixels

    >>> figure = learning_curves({"baseline": [[(1, 0.5), (2, 0.7)], [(1, 0.6), (2, 0.8)]]})
    >>> [trace.name for trace in figure.data]
    ['span of baseline', 'baseline']
    >>> [round(y, 2) for y in figure.data[1].y]
    [0.55, 0.75]
    """
    fig = go.Figure()
    tints = variant_colours(runs, baseline, dark)
    for at, (name, tint) in enumerate(tints.items()):
        x, y = _together(runs[name])
        dash = "solid" if name == baseline else DASHES[at % len(DASHES)]
        if x:
            _variant(fig, name, (x, y), tint, dash)
    theme(fig, dark, height)
    reach = [x for trace in fig.data for x in trace.x]  # pyright: ignore[reportAttributeAccessIssue]
    few = bool(reach) and max(reach) - min(reach) <= FEW_EPOCHS
    fig.update_xaxes(title_text=epochs, dtick=1 if few else None)
    fig.update_yaxes(title_text=score)
    legend = AT_THE_SIDE | {"traceorder": "reversed"}
    return fig.update_layout(title_text=title, hovermode="x", legend=legend, showlegend=True)


def variant_colours(
    names: Iterable[str], baseline: str = "baseline", dark: bool = False
) -> dict[str, str]:
    """Give each variant its colour: ink to the baseline, which comes last and so lies on top.

    >>> list(variant_colours(["baseline", "small", "large"]))
    ['small', 'large', 'baseline']
    """
    known = list(names)
    others = [name for name in known if name != baseline]
    tints = dict(zip(others, ramp(len(others), dark), strict=True))
    return tints | ({baseline: ink(dark)} if baseline in known else {})


def _together(curves: Sequence[Curve]) -> tuple[list[float], np.ndarray]:
    """The epochs that all curves have, and the scores [runs, epochs] there."""
    found = [{float(at): float(value) for at, value in curve} for curve in curves if len(curve)]
    if not found:
        return [], np.empty((0, 0))
    shared = sorted(set.intersection(*(set(curve) for curve in found)))
    return shared, np.array([[curve[at] for at in shared] for curve in found])


def _variant(
    fig: go.Figure, name: str, curve: tuple[list[float], np.ndarray], tint: str, dash: str
) -> None:
    x, y = curve
    told = escape(str(name))
    if len(y) > 1:
        fig.add_scatter(
            x=[*x, *reversed(x)],
            y=[*y.max(0).tolist(), *reversed(y.min(0).tolist())],
            fill="toself",
            fillcolor=_clear(tint),
            line={"width": 0},
            mode="lines",
            name=f"span of {told}",
            legendgroup=told,
            showlegend=False,
            hoverinfo="skip",
        )
    fig.add_scatter(
        x=x,
        y=y.mean(0).tolist(),
        mode="lines" if len(x) > 1 else "markers",
        name=told,
        legendgroup=told,
        line={"color": tint, "width": 2.5, "dash": dash},
        hovertemplate="%{y:.4g}",
    )


def _clear(tint: str, alpha: float = 0.16) -> str:
    rgb, _ = convert_colors_to_same_type(tint)
    red, green, blue = (round(part) for part in unlabel_rgb(rgb[0]))
    return f"rgba({red},{green},{blue},{alpha})"
