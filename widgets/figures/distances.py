"""How many bits a query differs in from each code of a codebook."""

from collections.abc import Sequence

import plotly.graph_objects as go

from marslab.widgets.figures.style import accent, colour, ink, paper, theme

MAX_BARS = 256  # beyond that, dots


def hamming_distances(
    distances: Sequence[int],
    nearest: Sequence[int],
    bits: int,
    *,
    flipped: float | None = None,
    title: str = "Distance to each code",
    dark: bool = False,
    height: int = 400,
) -> go.Figure:
    """Draw the distance to each code, the nearest ones marked, beside that of unrelated codes.

    Units:
        distances: bits that differ, one for each code; nearest: indices of the codes found
        bits: of a code; half of them differ between unrelated codes
        flipped: share of the bits that were flipped in the query, 0 to 1; height: pixels

    >>> [trace.name for trace in hamming_distances([3, 9], [0], 16).data]
    ['the nearest 1', 'the others']
    """
    fig = go.Figure()
    found = list(nearest)
    others = sorted(set(range(len(distances))) - set(found))
    for name, which, tint in (
        (f"the nearest {len(found)}", found, accent(dark)),
        ("the others", others, colour("", dark)),
    ):
        _codes(fig, name, which, [distances[i] for i in which], tint, len(distances))
    fig.update_layout(title_text=title, barmode="overlay")
    theme(fig, dark, height)
    _line(fig, bits / 2, "half of all bits: unrelated", dark)
    if flipped is not None:
        _line(fig, bits * flipped, f"{flipped:.0%} of the bits: the flips", dark)
    fig.update_xaxes(title_text="code of the codebook (index)", range=[-0.7, len(distances) - 0.3])
    fig.update_yaxes(title_text="distance (bits)", range=[0, max([*distances, bits / 2]) * 1.2])
    return fig.update_layout(margin_t=74)


def _codes(
    fig: go.Figure, name: str, which: list[int], values: list[int], tint: str, count: int
) -> None:
    hover = {"hovertemplate": "code %{x}: %{y} bits<extra></extra>"}
    if count <= MAX_BARS:
        fig.add_bar(x=which, y=values, name=name, marker_color=tint, **hover)
        return
    marker = {"color": tint, "size": 9 if len(which) < count / 2 else 4}
    fig.add_scatter(x=which, y=values, mode="markers", name=name, marker=marker, **hover)


def _line(fig: go.Figure, y: float, words: str, dark: bool) -> None:
    fig.add_hline(y=y, line={"color": ink(dark), "width": 1, "dash": "dot"})
    place = {"x": 1, "xref": "paper", "xanchor": "right", "showarrow": False}
    fig.add_annotation(y=y, text=words, bgcolor=paper(dark), borderpad=2, yshift=12, **place)
