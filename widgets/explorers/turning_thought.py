"""Turn a thought in a plane: what the loop detector says, and what a ratio of values says."""

import ipywidgets
import torch
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from marslab.thinking import LoopDetector, printed_rule, spectrum
from marslab.widgets.explorers.drawing import LEFT, RIGHT, WIDTH
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, ink, theme

HEIGHT = 480
STATES = 7  # six steps, the detector's window
REACH = 1.15  # of the circle's radius


def turning_thought(angle: float = 0.3) -> Explorer:
    """Turn the angle of each step, how much a step shrinks, and how far the centre is from 0.

    Units:
        angle: radians a step
    """
    sliders = {
        "angle": ipywidgets.FloatSlider(value=angle, min=0.0, max=3.14, step=0.02),
        "shrink": ipywidgets.FloatSlider(value=1.0, min=0.5, max=1.0, step=0.01),
        "centre": ipywidgets.FloatSlider(value=0.0, min=0.0, max=20.0, step=0.5),
    }
    for name, slider in sliders.items():
        slider.description = name
    return Explorer(figure, sentence, sliders)


def turning(angle: float, shrink: float, centre: float) -> Tensor:
    """The states [7, 3] of a thought that turns in a plane, `centre` away from 0 across it."""
    t = torch.arange(STATES, dtype=torch.float64)
    radius = shrink**t
    across = torch.full_like(t, centre)
    return torch.stack([radius * (angle * t).cos(), radius * (angle * t).sin(), across], 1)


def sentence(angle: float, shrink: float, centre: float) -> str:
    """What the detector and the printed rule say."""
    states = turning(angle, shrink, centre)
    loop, (alarm, ratio) = LoopDetector()(states), printed_rule(states[1:])
    kind = f"{loop.kind}, period {loop.lag} steps" if loop.found else "no loop"
    return (
        f"The detector: {kind}. The printed ratio is {ratio:.1f}: "
        f"{'an alarm' if alarm else 'no alarm'}."
    )


def figure(angle: float, shrink: float, centre: float) -> Figure:
    """Draw the path as seen along the axis, and the singular values of its Hankel matrix."""
    states = turning(angle, shrink, centre)
    values = spectrum(states[None, 1:])[0]
    shares = (values / values[0].clamp_min(1e-12)).tolist()
    drawing = make_subplots(rows=2, cols=1, row_heights=[0.68, 0.32], vertical_spacing=0.16)
    x, y = states[:, 0].tolist(), states[:, 1].tolist()
    path = {"color": ink(), "width": 1}
    drawing.add_scatter(x=x, y=y, mode="lines", name="path", line=path)
    marker = {"size": 9, "color": colour("numba")}
    drawing.add_scatter(x=x[:-1], y=y[:-1], mode="markers", name="states", marker=marker)
    last = {"size": 13, "color": accent()}
    drawing.add_scatter(x=x[-1:], y=y[-1:], mode="markers", name="the last one", marker=last)
    drawing.add_bar(
        x=[1, 2, 3, 4],
        y=shares,
        name="singular values",
        marker={"color": colour("naive")},
        row=2,
        col=1,
    )
    theme(drawing, height=HEIGHT)
    _axes(drawing)
    return drawing


def _axes(drawing: Figure) -> None:
    upright = REACH * (WIDTH - LEFT - RIGHT) / (HEIGHT - 80) / 0.57  # so that circles are round
    drawing.update_xaxes(range=[-upright, upright], dtick=1, row=1, col=1)
    drawing.update_yaxes(title="in the plane", range=[-REACH, REACH], dtick=1, row=1, col=1)
    drawing.update_xaxes(title="singular value (index)", dtick=1, range=[0, 5], row=2, col=1)
    drawing.update_yaxes(title="largest = 1", range=[0, 1.05], dtick=0.5, row=2, col=1)
