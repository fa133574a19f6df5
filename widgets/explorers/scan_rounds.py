"""Watch a scan by doubling: how much of the past each state holds after every round."""

import ipywidgets
from plotly.graph_objects import Figure, Scatter

from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import colour, ink, theme

HEIGHT = 400
ROOMY = 8  # steps up to which the states of every round have room for a label


def spans(length: int, rounds: int) -> list[tuple[int, int]]:
    """First and last step that each state holds after so many rounds.

    >>> spans(4, 1)
    [(0, 0), (0, 1), (1, 2), (2, 3)]
    """
    return [(max(0, t - 2**rounds + 1), t) for t in range(length)]


def scan_rounds(length: int = 8) -> Explorer:
    """Step through the rounds of a scan by doubling.

    Units:
        length: steps of the sequence, 2 to 16

    Errors:
        ValueError: `length` is outside 2..16
    """
    if not 2 <= length <= 16:
        raise ValueError(f"scan_rounds: length must be in 2..16, got {length}; 8 reads well")
    last = (length - 1).bit_length()
    slider = ipywidgets.IntSlider(value=1, min=0, max=last, description="rounds")

    def draw(rounds: int) -> Figure:
        return figure(length, rounds)

    def tell(rounds: int) -> str:
        done = sum(first == 0 for first, _ in spans(length, rounds))
        return f"After {rounds} of {last} rounds {done} of {length} states are final."

    return Explorer(draw, tell, {"rounds": slider})


def figure(length: int, rounds: int) -> Figure:
    """Draw the states after each round so far; a label tells the steps that a state holds."""
    drawing = Figure(
        [
            _edges(length, range(1, rounds), "earlier rounds", ink()),
            _edges(length, range(max(rounds, 1), rounds + 1), "this round", colour("torch")),
            _nodes(length, rounds, False),
            _nodes(length, rounds, True),
        ]
    )
    theme(drawing, height=HEIGHT)
    last = (length - 1).bit_length()
    drawing.update_xaxes(title="step", dtick=1, range=[-0.6, length - 0.4])
    drawing.update_yaxes(title="round", dtick=1, range=[last + 0.3, -0.5])
    return drawing


def _edges(length: int, rounds: range, name: str, color: str) -> Scatter:
    """Lines from round r - 1 to r: from a state itself and from the one 2^(r-1) steps before."""
    x, y = [], []
    for r in rounds:
        for t in range(length):
            for came in (t, t - 2 ** (r - 1)):
                if came >= 0:
                    x += [came, t, None]
                    y += [r - 1, r, None]
    line = {"color": color, "width": 1}
    return Scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip")


def _nodes(length: int, rounds: int, final: bool) -> Scatter:
    """The states that hold every step so far, or those that hold a part."""
    shown = [
        (t, r, _label(first, t) if length <= ROOMY or r == rounds else "")
        for r in range(rounds + 1)
        for first, t in spans(length, r)
        if (first == 0) == final
    ]
    x, y, label = zip(*shown, strict=True) if shown else ((), (), ())
    return Scatter(
        x=x,
        y=y,
        text=label,
        mode="markers+text",
        textposition="top right",
        name="final: holds every step so far" if final else "holds a part",
        marker={"size": 13, "color": colour("numba" if final else "naive")},
        hovertemplate="holds steps %{text}<extra></extra>",
    )


def _label(first: int, last: int) -> str:
    """The steps from first to last, as one reads them."""
    return f"{first}–{last}" if first < last else f"{last}"
