"""One look for every figure: colours that mean the same thing everywhere, light and dark."""

from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

# Okabe & Ito 2008, "Color universal design": told apart with any common colour vision.
COLOURS = {
    "naive": "#E69F00",
    "torch": "#D55E00",
    "numba": "#0072B2",
    "triton": "#009E73",
    "floor": "#CC79A7",
    "peer": "#56B4E9",
}
# What a modebar may offer: nothing that leaves the machine.
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "responsive": True,
    "toImageButtonOptions": {"format": "png", "scale": 2},
}
_LOOKS = {
    False: {"paper": "#ffffff", "ink": "#1d2733", "quiet": "#5b6876", "grid": "#e3e8ee"},
    True: {"paper": "#171c23", "ink": "#e7edf3", "quiet": "#9fadbb", "grid": "#2c3541"},
}


def colour(name: str, dark: bool = False) -> str:
    """Give the colour of a backend, of the "floor" or of a "peer"; one ink for anything else.

    >>> colour("numba")
    '#0072B2'
    """
    return COLOURS.get(name, _LOOKS[dark]["quiet"])


def ramp(n: int, dark: bool = False) -> list[str]:
    """Give `n` ordered colours, first to last, each legible on the page.

    >>> len(ramp(3))
    3
    """
    low, high = (0.32, 1.0) if dark else (0.0, 0.76)
    step = (high - low) / max(n - 1, 1)
    places = [low + i * step for i in range(n)]
    return [str(tint) for tint in sample_colorscale("Viridis", places)] if n else []


def diverging(dark: bool = False) -> list[list[float | str]]:
    """Give a colour scale from negative (blue) through the page's own colour to positive (orange).

    >>> diverging()[1]
    [0.5, '#ffffff']
    """
    low, high = ("#74bfff", "#ff9d5c") if dark else ("#00487c", "#a63c00")
    return [[0.0, low], [0.5, _LOOKS[dark]["paper"]], [1.0, high]]


def theme(fig: go.Figure, dark: bool = False, height: int = 400) -> go.Figure:
    """Set fonts, grid, margins and background of `fig`, in place, and return it.

    Units:
        height: pixels
    """
    look = _LOOKS[dark]
    line = dict.fromkeys(("gridcolor", "linecolor", "zerolinecolor", "tickcolor"), look["grid"])
    fig.update_layout(
        template="none",
        height=height,
        paper_bgcolor=look["paper"],
        plot_bgcolor=look["paper"],
        font={"family": "system-ui, sans-serif", "size": 13, "color": look["ink"]},
        title={"x": 0, "xref": "paper", "font": {"size": 15}, "yref": "container", "y": 0.97},
        margin={"l": 68, "r": 24, "t": 48, "b": 52},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 12}},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": look["quiet"],
            "activecolor": look["ink"],
            "orientation": "v",
        },
    )
    axis: dict[str, Any] = {**line, "title_standoff": 8}
    fig.update_xaxes(axis)
    fig.update_yaxes(axis | {"automargin": True})
    return fig


def accent(dark: bool = False) -> str:
    """Give the colour of what a reader should look at first, where no backend is meant.

    >>> accent()
    '#a63c00'
    """
    return str(diverging(dark)[2][1])


def ink(dark: bool = False) -> str:
    """Give the colour of text and of lines that belong to no backend.

    >>> ink()
    '#1d2733'
    """
    return _LOOKS[dark]["ink"]


def paper(dark: bool = False) -> str:
    """Give the colour behind a figure.

    >>> paper()
    '#ffffff'
    """
    return _LOOKS[dark]["paper"]
