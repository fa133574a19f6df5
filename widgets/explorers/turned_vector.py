"""Rotate a vector with Cayley's map, again and again, beside two maps that only look like it."""

import math

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from marslab.layers.omega import cayley
from marslab.widgets.explorers.drawing import LEFT, RIGHT, WIDTH
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, ink, theme

HEIGHT = 440
MAPS = ("Cayley", "I + Ω", "inverse of I − Ω")


def turned_vector(w: float = 1.0) -> Explorer:
    """Turn the entry w of Omega = [[0, -w], [w, 0]], how often it is applied, and which map it is.

    Units:
        w: no unit; Cayley's map turns by 2 atan(w / 2) radians
    """
    controls = {
        "kind": ipywidgets.Dropdown(options=list(MAPS), description="map"),
        "w": ipywidgets.FloatSlider(value=w, min=-20.0, max=20.0, step=0.1, description="w"),
        "turns": ipywidgets.IntSlider(value=5, min=1, max=24, description="turns"),
    }
    return Explorer(figure, sentence, controls)


def path(kind: str, w: float, turns: int) -> Tensor:
    """The vector (1, 0) before the first turn and after each, [turns + 1, 2].

    >>> path("I + Ω", 1.0, 2).tolist()
    [[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]]
    """
    omega = torch.tensor([[0.0, -w], [w, 0.0]], dtype=torch.float64)
    eye = torch.eye(2, dtype=torch.float64)
    points = [eye[0]]
    for _ in range(turns):
        x = points[-1]
        if kind == "Cayley":
            points.append(cayley(omega, x))
        else:
            points.append(x + omega @ x if kind == "I + Ω" else torch.linalg.solve(eye - omega, x))
    return torch.stack(points)


def sentence(kind: str, w: float, turns: int) -> str:
    """The angle of a turn, the length at the end, and how near -1 is."""
    points = path(kind, w, turns)
    first, length = points[1], points[-1].norm().item()
    angle = math.degrees(math.atan2(first[1], first[0]))
    gap = 2 / math.sqrt(1 + w * w / 4)
    near = f" G stays {gap:.2f} away from −1." if kind == "Cayley" else ""
    return f"Each turn is {angle:.1f}°. After {turns} the length is {length:.3g}.{near}"


def figure(kind: str, w: float, turns: int) -> Figure:
    """Draw the path, its last point, and the unit circle."""
    points = path(kind, w, turns)
    around = torch.linspace(0, 2 * math.pi, 91)
    drawing = Figure()
    drawing.add_scatter(
        x=around.cos().tolist(),
        y=around.sin().tolist(),
        mode="lines",
        name="length 1",
        line={"color": colour("peer"), "width": 1.5},
    )
    x, y = points.T.tolist()
    marker = {"size": 8, "color": colour("numba")}
    drawing.add_scatter(
        x=x, y=y, mode="lines", name="path", line={"color": ink(), "width": 1}, showlegend=False
    )
    drawing.add_scatter(x=x[:-1], y=y[:-1], mode="markers", name="after each turn", marker=marker)
    last = {"size": 13, "color": accent()}
    drawing.add_scatter(x=x[-1:], y=y[-1:], mode="markers", name="the last", marker=last)
    theme(drawing, height=HEIGHT)
    reach = 1.2 * max(1.0, points.abs().max().item())
    wide = reach * (WIDTH - LEFT - RIGHT) / (HEIGHT - 80)  # so that circles are round
    drawing.update_xaxes(title="first dim", range=[-wide, wide])
    drawing.update_yaxes(title="second dim", range=[-reach, reach])
    return drawing
