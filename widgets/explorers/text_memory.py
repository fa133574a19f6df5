"""Watch a running average of a text: what it follows, and how far back it still remembers."""

import math

import ipywidgets
import torch
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from marslab.kernels import linear_scan
from marslab.text import ByteTokenizer
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import colour, ink, theme

LONGEST = 120  # bytes that still fit side by side, each under its own label
HEIGHT = 440


def text_memory(text: str, time_constant: float = 8.0) -> Explorer:
    """Turn the time constant of a running average over the bytes of `text`.

    Units:
        time_constant: steps (bytes), 1 to 64

    Errors:
        ValueError: `text` is empty
    """
    if not text:
        raise ValueError("text_memory: text is empty; give it a sentence")
    kept = bytes(ByteTokenizer().encode(text)[:LONGEST])
    text = kept.decode("utf-8", "ignore")  # a character cut in the middle goes
    slider = ipywidgets.FloatLogSlider(
        value=time_constant, base=2, min=0, max=6, step=0.25, description="τ in steps"
    )

    def tell(time_constant: float) -> str:
        decay = math.exp(-1 / time_constant)
        half = time_constant * math.log(2)
        return (
            f"Decay per step {decay:.4f}. A byte has lost half of its weight after {half:.1f} "
            f"steps and 95 % of it after {3 * time_constant:.0f}."
        )

    def draw(time_constant: float) -> Figure:
        return figure(text, time_constant)

    return Explorer(draw, tell, {"time_constant": slider})


def memory(text: str, time_constant: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The bytes of `text` around their mean, and their running average, both [L].

    h[t] = a h[t-1] + (1 - a) x[t] with a = exp(-1 / time_constant).
    """
    x = torch.tensor(ByteTokenizer().encode(text), dtype=torch.float32)
    x = x - x.mean()
    a = torch.full_like(x, math.exp(-1 / time_constant))
    h = linear_scan(a[None, :, None], ((1 - a) * x)[None, :, None])
    return x, h[0, :, 0]


def figure(text: str, time_constant: float) -> Figure:
    """Draw the bytes with their running average, and what each byte still weighs at the end."""
    x, h = memory(text, time_constant)
    steps = list(range(len(x)))
    weight = [(1 - math.exp(-1 / time_constant)) * math.exp(-age / time_constant) for age in steps]
    drawing = make_subplots(rows=2, cols=1, row_heights=[0.62, 0.38], vertical_spacing=0.2)
    byte = {"color": ink(), "size": 5}
    memory_line = {"color": colour("numba"), "width": 2.5}
    drawing.add_scatter(x=steps, y=x.tolist(), mode="markers", name="byte", marker=byte)
    drawing.add_scatter(x=steps, y=h.tolist(), mode="lines", name="memory h", line=memory_line)
    drawing.add_bar(
        x=steps,
        y=weight[::-1],
        name="weight in the last h",
        marker={"color": colour("naive")},
        row=2,
        col=1,
    )
    theme(drawing, height=HEIGHT)
    drawing.update_xaxes(range=[-0.7, len(x) - 0.3])
    drawing.update_xaxes(tickvals=steps, ticktext=characters(text), tickangle=0, row=2, col=1)
    drawing.update_xaxes(title="step (byte of the text)", row=2, col=1)
    drawing.update_yaxes(title="byte − mean", row=1, col=1)
    drawing.update_yaxes(title="weight", rangemode="tozero", row=2, col=1)
    return drawing


def characters(text: str) -> list[str]:
    """One label per byte: the character where it begins, a dot for the bytes that continue it.

    >>> characters("aж")
    ['a', 'ж', '·']
    """
    labels = []
    for character in text:
        shown = "␣" if character == " " else character
        labels += [shown, *"·" * (len(ByteTokenizer().encode(character)) - 1)]
    return labels
