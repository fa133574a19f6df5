"""What each wave would write: the likeliest byte at each place of an answer, and its chance."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, diverging, ink, paper, theme
from marslab.widgets.figures.wave_heatmap import MAX_TICKS

MAX_LETTERS = 64  # bytes that leave a cell room for its letter


def wave_answers(
    chance: Any,
    best: Sequence[Sequence[str]],
    answer: Sequence[str],
    *,
    title: str = "What each wave would write",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the chance of each byte of the answer, wave by wave, with the byte that was likeliest.

    A likeliest byte that is another than the answer's stands in the colour that stands out. At the
    right the chance of the whole answer: the product of its bytes'.

    Shapes (W waves, A bytes of the answer):
        chance: [W, A], numpy; best: W rows of A texts; answer: A texts

    Units:
        chance: probability; height: pixels

    Errors:
        ValueError: the texts do not fit the chances

    >>> wave_answers([[0.9, 0.2]], [["8", "4"]], ["8", "5"]).layout.yaxis.ticktext
    ('1 · 18.0 %',)
    """
    p = np.asarray(chance, dtype=float)
    if p.shape != (len(best), len(answer)) or any(len(row) != len(answer) for row in best):
        raise ValueError(
            f"wave_answers: chance must be [{len(best)}, {len(answer)}] as the texts are, "
            f"got {list(p.shape)}"
        )
    scale = [[0, paper(dark)], [1, diverging(dark)[0][1]]]
    fig = go.Figure(
        go.Heatmap(
            z=p,
            zmin=0,
            zmax=1,
            colorscale=scale,
            opacity=0.45,  # so that letters of one ink are legible on all of it
            customdata=[[escape(text) for text in row] for row in best],
            hovertemplate="byte %{x}, likeliest “%{customdata}”: %{z:.4f}<extra></extra>",
            colorbar={"title": {"text": "chance (0 to 1)", "side": "right"}, "thickness": 14},
        )
    )
    if len(answer) <= MAX_LETTERS:
        for same, tint in ((True, ink(dark)), (False, accent(dark))):
            _letters(fig, best, answer, same, tint)
    fig.update_layout(title_text=title)
    theme(fig, dark, height)
    _axes(fig, answer, p.prod(1))
    return fig.update_layout(margin_t=74)


def _axes(fig: go.Figure, answer: Sequence[str], wholes: np.ndarray) -> None:
    """Name the bytes, and the waves with the chance of the whole answer after each."""
    plain: dict[str, Any] = {"showgrid": False, "zeroline": False}
    ends, down = [-0.5, len(answer) - 0.5], [len(wholes) - 0.5, -0.5]
    fig.update_xaxes(title_text="byte of the answer (in order)", range=ends, **plain)
    if len(answer) <= MAX_TICKS:
        texts = [escape(text) for text in answer]
        fig.update_xaxes(tickvals=list(range(len(answer))), ticktext=texts, tickangle=0)
    rows = [f"{wave} · {100 * whole:.1f} %" for wave, whole in enumerate(wholes, 1)]
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=rows, range=down, **plain)
    fig.update_yaxes(title_text="wave · chance of the whole answer")


def _letters(
    fig: go.Figure, best: Sequence[Sequence[str]], answer: Sequence[str], same: bool, tint: str
) -> None:
    """The likeliest bytes that are the answer's, or those that are not."""
    at = [
        (x, y, text)
        for y, row in enumerate(best)
        for x, text in enumerate(row)
        if (text == answer[x]) is same
    ]
    fig.add_scatter(
        x=[x for x, _, _ in at],
        y=[y for _, y, _ in at],
        text=[escape(text) for _, _, text in at],
        mode="text",
        name="likeliest: the answer's byte" if same else "likeliest: another byte",
        textfont={"color": tint, "size": 14, "weight": 400 if same else 800},
        hoverinfo="skip",
    )
