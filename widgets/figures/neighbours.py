"""Texts as points in a plane: which of them stand near a question."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, theme

LONGEST = 34  # characters of a name that still stand beside a point
APART = 0.06  # of the height, from label to label


def plane(vectors: Any, others: Any = None) -> tuple[np.ndarray, np.ndarray, float]:
    """Return points of the plane that shows most of the vectors, and the share that it shows.

    The two directions of largest spread (principal components) of `vectors`; `others` are seen
    from the same side. What the share leaves out cannot be seen: two points may touch there and be
    far from each other.

    Shapes (N, K vectors, M width):
        vectors, others: [N, M], [K, M]
        returns: [N, 2], [K, 2], and 0..1

    >>> points, _, share = plane([[1, 0, 0], [-1, 0, 0], [0, 0.5, 0]])
    >>> points.shape, round(share, 3)
    ((3, 2), 1.0)
    """
    rows = np.asarray(vectors, dtype=float)
    middle = rows.mean(0)
    _, sizes, axes = np.linalg.svd(rows - middle, full_matrices=False)
    axes = axes[:2]
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])
    axes = axes * signs[:, None]  # a singular vector is known up to its sign: choose one
    others = np.empty((0, rows.shape[1])) if others is None else np.asarray(others, dtype=float)
    share = float((sizes[:2] ** 2).sum() / (sizes**2).sum()) if sizes.any() else 1.0
    return (rows - middle) @ axes.T, (others - middle) @ axes.T, share


def neighbour_map(
    vectors: Any,
    names: Sequence[str],
    question: Any = None,
    near: Sequence[int] = (),
    *,
    groups: Sequence[str] | None = None,
    title: str = "",
    dark: bool = False,
    height: int = 460,
) -> go.Figure:
    """Draw texts in the plane of their largest spread, with a question and lines to its nearest.

    Shapes (N texts, M width):
        vectors: [N, M]; names, groups: N; question: [M]; near: indices, the nearest first

    Units:
        height: pixels

    >>> figure = neighbour_map([[1, 0], [0, 1], [0, -1]], ["a", "b", "c"], [0, 1], near=[1])
    >>> [trace.name for trace in figure.data if trace.name]
    ['texts', 'nearest', 'question']
    >>> figure.data[-1].text
    ('1 b',)
    """
    asked = None if question is None else np.asarray(question, dtype=float)[None]
    points, there, share = plane(vectors, asked)
    kinds = ["texts"] * len(names) if groups is None else list(groups)
    fig = go.Figure()
    tints = [colour(name, dark) for name in ("numba", "naive", "triton")]
    for at, kind in enumerate(dict.fromkeys(kinds)):
        which = [i for i, other in enumerate(kinds) if other == kind]
        _dots(fig, points, which, names, name=kind, color=tints[at % 3], size=7)
    if asked is not None:
        ends, tint = points[list(near)], accent(dark)
        _spokes(fig, there[0], ends, tint)
        _dots(fig, points, near, names, name="nearest", color=tint, size=9)
        _dots(fig, there, [0], ["the question"], name="question", color=ink(dark), size=13)
        _labels(fig, ends, [names[i] for i in near], APART * float(np.ptp(points[:, 1])))
    theme(fig, dark, height)
    shown = f"{share:.0%} of the spread is in this plane"
    fig.update_xaxes(title_text=f"first direction (no unit; {shown})", range=_room(points, there))
    fig.update_yaxes(title_text="second direction (no unit)")
    return fig.update_layout(title_text=title, margin_t=74)


def _dots(
    fig: go.Figure,
    points: np.ndarray,
    which: Sequence[int],
    names: Sequence[str],
    *,
    name: str,
    color: str,
    size: int,
) -> None:
    chosen = list(which)
    fig.add_scatter(
        x=points[chosen, 0].tolist(),
        y=points[chosen, 1].tolist(),
        name=escape(name),
        mode="markers",
        marker={"color": color, "size": size},
        customdata=[escape(names[i]) for i in chosen],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _spokes(fig: go.Figure, start: np.ndarray, ends: np.ndarray, color: str) -> None:
    """Lines from the question to each neighbour, as one trace with gaps."""
    x = [v for end in ends for v in (float(start[0]), float(end[0]), None)]
    y = [v for end in ends for v in (float(start[1]), float(end[1]), None)]
    line = {"color": color, "width": 1.2}
    fig.add_scatter(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip")


def _labels(fig: go.Figure, ends: np.ndarray, names: Sequence[str], gap: float) -> None:
    """The neighbours' numbers and names, each at least `gap` above the one below it."""
    height, heights = -np.inf, [0.0] * len(ends)
    for i in np.argsort(ends[:, 1], kind="stable"):
        height = heights[i] = max(float(ends[i, 1]), height + gap)
    fig.add_scatter(
        x=ends[:, 0].tolist(),
        y=heights,
        text=[escape(f"{at} {_short(name)}") for at, name in enumerate(names, 1)],
        mode="text",
        textposition="top right",
        showlegend=False,
        hoverinfo="skip",
    )


def _room(points: np.ndarray, there: np.ndarray) -> list[float]:
    """The range of the first axis, with room for a name to the right of the last point."""
    x = np.concatenate([points[:, 0], there[:, 0]])
    wide = float(np.ptp(x)) or 1.0
    return [float(x.min()) - 0.05 * wide, float(x.max()) + 0.3 * wide]


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
