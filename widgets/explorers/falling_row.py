"""Set up a row of dominoes, and watch a model refine its answer to which of them fall."""

from collections.abc import Callable
from typing import NamedTuple

import ipywidgets
from plotly.graph_objects import Figure

from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, ink, theme

PLACES = "!|."  # pushed, stands, nothing there
HEIGHT = 360


class Refined(NamedTuple):
    """What a model says of one row after each refinement, and what is true.

    Shapes (T refinements, L places):
        falls: [T, L] probabilities; sure: [T], of the halting head; lies: [L] truth values
    """

    falls: list[list[float]]
    sure: list[float]
    lies: list[bool]


def falling_row(think: Callable[[str], Refined], row: str) -> Explorer:
    """Type a row and choose a refinement; the model `think`s about each row anew.

    A character that is not a place counts as nothing there; the length stays that of `row`.

    Errors:
        ValueError: `row` has no place, or a character other than "!", "|" and "."
    """
    if not row or set(row) - set(PLACES):
        raise ValueError(
            f"falling_row: row must be of '!' (pushed), '|' (stands) and '.' (a gap), got {row!r}"
        )
    last = len(think(row).sure)
    controls = {
        "typed": ipywidgets.Text(value=row, description="row"),
        "after": ipywidgets.IntSlider(value=1, min=1, max=last, description="refinements"),
    }

    def tell(typed: str, after: int) -> str:
        return sentence(think(fitted(typed, len(row))), after)

    def draw(typed: str, after: int) -> Figure:
        places = fitted(typed, len(row))
        return figure(places, think(places), after)

    return Explorer(draw, tell, controls)


def fitted(typed: str, length: int) -> str:
    """The first `length` places of what was typed, gaps for what is missing or unknown.

    >>> fitted("!|x", 4)
    '!|..'
    """
    known = "".join(place if place in PLACES else "." for place in typed[:length])
    return known.ljust(length, ".")


def sentence(seen: Refined, after: int) -> str:
    """How many places are wrong still, and what the halting head thinks of it."""
    wrong = sum((p > 0.5) != lies for p, lies in zip(seen.falls[after - 1], seen.lies, strict=True))
    return (
        f"After {after} of {len(seen.sure)} refinements {wrong} of {len(seen.lies)} places are "
        f"wrong. The halting head finds the answer right with {seen.sure[after - 1]:.0%}."
    )


def figure(places: str, seen: Refined, after: int) -> Figure:
    """Draw the probability that each place falls, and a dot above each one that does."""
    at = list(range(len(places)))
    drawing = Figure()
    bars = {"color": colour("numba")}
    drawing.add_bar(x=at, y=seen.falls[after - 1], name="said to fall", marker=bars)
    down = [i for i in at if seen.lies[i]]
    dots = {"color": accent(), "size": 9}
    drawing.add_scatter(x=down, y=[1.08] * len(down), mode="markers", name="falls", marker=dots)
    half = {"color": ink(), "width": 1}
    drawing.add_scatter(
        x=[-0.5, len(places) - 0.5], y=[0.5] * 2, mode="lines", line=half, showlegend=False
    )
    theme(drawing, height=HEIGHT)
    drawing.update_xaxes(
        title="place (its domino: ! pushed, | stands, . gap)",
        tickvals=at,
        ticktext=list(places),
        tickangle=0,
        range=[-0.7, len(places) - 0.3],
    )
    drawing.update_yaxes(title="probability (no unit)", range=[0, 1.15], dtick=0.25)
    return drawing
