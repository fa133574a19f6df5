"""The accuracy on each task while the tasks are learned one after the other."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, ink, ramp, theme

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def continual_course(
    steps: Sequence[int],
    accuracy: Any,
    tasks: Sequence[str],
    ends: Sequence[int],
    *,
    title: str = "What is known of each task, step by step",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw a line for each task; upright lines stand where the next task begins.

    A task's line is thin until it is its turn, and the mean of the tasks seen so far is drawn over
    all.

    Shapes (S readings, T tasks):
        steps: [S], ascending; accuracy: [S, T], torch or numpy, 0..1
        ends: [T], the last step of each task

    Units:
        steps: of the optimizer, over all tasks; height: pixels

    Errors:
        ValueError: the readings do not fit the steps and the tasks

    >>> figure = continual_course([0, 9, 18], [[0.1, 0], [1, 0], [0.5, 1]], ["a", "b"], [9, 18])
    >>> figure.data[-1].y
    (0.1, 1.0, 0.75)
    """
    values = np.asarray(accuracy, dtype=float)
    if values.shape != (len(steps), len(tasks)) or len(ends) != len(tasks):
        raise ValueError(
            f"continual_course: accuracy must be [{len(steps)}, {len(tasks)}] with an end for each "
            f"task, got {list(values.shape)} and {len(ends)} ends"
        )
    at = np.asarray(steps)
    starts = [0, *ends[:-1]]
    fig = go.Figure()
    for j, (name, tint) in enumerate(zip(tasks, ramp(len(tasks), dark), strict=True)):
        for part, width in ((at <= starts[j], 1), (at >= starts[j], 2.2)):
            fig.add_scatter(
                x=at[part].tolist(), y=values[part, j].tolist(),
                name=escape(name), legendgroup=name, showlegend=width > 1,
                mode="lines", opacity=1 if width > 1 else 0.45,
                line={"color": tint, "width": width, "dash": DASHES[j % len(DASHES)]},
            )  # fmt: skip
    seen = np.array([max(1, sum(start < step for start in starts)) for step in at])
    mean = [float(row[:n].mean()) for row, n in zip(values, seen, strict=True)]
    line = {"color": accent(dark), "width": 3}
    fig.add_scatter(x=at.tolist(), y=mean, name="mean of those seen", mode="lines", line=line)
    for end in ends[:-1]:
        fig.add_vline(x=end, line={"color": ink(dark), "width": 1, "dash": "dot"})
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    fig.update_xaxes(title_text="steps of training (count)", zeroline=False)
    fig.update_yaxes(title_text="held-out accuracy (share)", range=[-0.03, 1.03], zeroline=False)
    return fig.update_layout(margin_t=74)
