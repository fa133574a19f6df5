"""What a recurrence does over time: lines of a few channels, or all of them as a heat map."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from marslab.widgets.figures.style import diverging, ink, ramp, theme

MAX_POINTS = 2000  # of one line, or columns of a heat map: what a page can carry smoothly
MAX_ROWS = 256
DEFAULT_CHANNELS = 5


def scan_lines(
    h: Any,
    b: Any = None,
    a: Any = None,
    *,
    channels: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
    ticks: Sequence[str] | None = None,
    drive: str = "input b",
    name: str = "state h",
    title: str = "State over time",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw h over time for a few channels; the input b as dots, the decay a in a strip below.

    A line longer than 2,000 points is drawn by the least and greatest value of each stretch, so
    that no spike is lost.

    Shapes (B batch, L length, D width):
        h, b, a: [L, D], or [B, L, D] of which the first sequence is drawn; torch or numpy
        channels: indices into D; five spread over D if None
        labels: a name for each channel drawn
        ticks: a name for each step
        drive: what the dots are called; name: what is drawn

    Units:
        height: pixels; the x axis counts steps

    Errors:
        ValueError: `labels` are not as many as the channels drawn
    """
    states = plain(h)
    chosen = list(spread(states.shape[1]) if channels is None else channels)
    names = [f"channel {c}" for c in chosen] if labels is None else list(labels)
    if len(names) != len(chosen):
        raise ValueError(
            f"scan_lines: labels must name the {len(chosen)} channels drawn, got {len(names)}"
        )
    heights = [1.0] if a is None else [0.76, 0.24]
    fig = make_subplots(
        len(heights), 1, row_heights=heights, shared_xaxes=True, vertical_spacing=0.07
    )
    for label, channel, tint in zip(names, chosen, ramp(len(chosen), dark), strict=True):
        one = {"name": escape(label), "legendgroup": label, "line": {"color": tint, "width": 2}}
        _line(fig, states[:, channel], one, row=1)
        if a is not None:
            _line(fig, plain(a)[:, channel], one | {"showlegend": False}, row=2)
    if b is not None:
        _inputs(fig, plain(b)[:, chosen[0]], drive, dark)
    fig.update_layout(title_text=title)
    fig.update_yaxes(title_text=f"{name} (no unit)", row=1)
    if a is not None:
        fig.update_yaxes(title_text="decay a", row=2)
    theme(fig, dark, height)
    fig.update_layout(margin_t=74, hovermode="x")
    return _time_axis(fig, states.shape[0], ticks)


def state_heatmap(
    h: Any,
    *,
    labels: Sequence[str] | None = None,
    ticks: Sequence[str] | None = None,
    name: str = "h",
    title: str = "State of every channel",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw h as a picture: time to the right, one row for each channel.

    Beyond 2,000 steps or 256 channels every n-th one is drawn.

    Shapes (B batch, L length, D width):
        h: [L, D], or [B, L, D] of which the first sequence is drawn; torch or numpy
        labels: a name for each of the D channels
        ticks: a name for each step
        name: what the colours stand for

    Units:
        height: pixels; the x axis counts steps
    """
    states = plain(h)
    length, width = states.shape
    every, each = -(-length // MAX_POINTS) or 1, -(-width // MAX_ROWS) or 1
    signed = bool(length and width and np.nanmin(states) < 0)
    scale = {"colorscale": diverging(dark), "zmid": 0} if signed else {"colorscale": "Viridis"}
    fig = go.Figure(
        go.Heatmap(
            x=np.arange(length)[::every],
            y=np.arange(width)[::each],
            z=states[::every, ::each].T,
            colorbar={"title": {"text": f"{name} (no unit)", "side": "right"}, "thickness": 14},
            hovertemplate="step %{x}, channel %{y}: %{z:.4g}<extra></extra>",
            **scale,
        )
    )
    fig.update_layout(title_text=title)
    fig.update_yaxes(title_text="channel (index)", autorange="reversed")
    if labels is not None and width <= 16:
        fig.update_yaxes(tickvals=list(range(width)), ticktext=[escape(x) for x in labels])
    return _time_axis(theme(fig, dark, height), length, ticks)


def plain(x: Any) -> np.ndarray:
    """Turn a tensor or array [L, D] or [B, L, D] into a float array [L, D], the first sequence.

    Errors:
        ValueError: another number of axes, or complex values

    >>> plain([[1, 2]]).shape
    (1, 2)
    """
    if hasattr(x, "detach"):  # bfloat16 has no numpy dtype
        x = x.detach().cpu()
        x = x if x.is_complex() else x.double()
    array = np.asarray(x)
    if np.iscomplexobj(array):
        raise ValueError("a figure draws real numbers, got complex ones; pass h.real or abs(h)")
    if array.ndim == 3:
        array = array[0] if len(array) else array.reshape(0, array.shape[2])
    if array.ndim != 2:
        raise ValueError(f"a figure takes [L, D] or [B, L, D], got shape {list(array.shape)}")
    return array.astype(float)


def spread(width: int, n: int = DEFAULT_CHANNELS) -> list[int]:
    """Choose up to `n` channels, evenly from the first to the last.

    >>> spread(9, 3)
    [0, 4, 8]
    """
    n = min(n, width)
    return [round(i * (width - 1) / max(n - 1, 1)) for i in range(n)]


def thin(values: np.ndarray, limit: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a long line to the least and greatest value of each stretch, in their order.

    Shapes (L length):
        values: [L]; returns: two arrays of one length, the steps kept and their values

    >>> thin(np.array([0.0, 9.0, 1.0, 0.5]), limit=2)[1].tolist()
    [0.0, 9.0]
    """
    if len(values) <= limit:
        return np.arange(len(values)), values
    edges = np.linspace(0, len(values), limit // 2 + 1).astype(int)
    kept: list[int] = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        part = values[low:high]
        kept += sorted((low + int(np.argmin(part)), low + int(np.argmax(part))))
    steps = np.array(kept)
    return steps, values[steps]


def _line(fig: go.Figure, values: np.ndarray, options: dict[str, Any], row: int) -> None:
    steps, thinned = thin(values)
    fig.add_scatter(
        x=steps, y=thinned, mode="lines", hovertemplate="%{y:.4g}", row=row, col=1, **options
    )


def _inputs(fig: go.Figure, values: np.ndarray, drive: str, dark: bool) -> None:
    steps, thinned = thin(values)
    fig.add_scatter(
        x=steps,
        y=thinned,
        mode="markers",
        name=escape(drive),
        marker={"color": ink(dark), "size": 4, "opacity": 0.45},
        hovertemplate="%{y:.4g}",
        row=1,
        col=1,
    )


def _time_axis(fig: go.Figure, length: int, ticks: Sequence[str] | None) -> go.Figure:
    list(fig.select_xaxes())[-1].update(title_text="time (steps)")
    if ticks is not None and length <= 80:
        fig.update_xaxes(tickvals=list(range(length)), ticktext=[escape(t) for t in ticks])
    return fig
