"""Let a memory follow a thought wave by wave: as the spine does, and as it was printed."""

import math

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor, nn

from marslab.thinking import Spine
from marslab.widgets.explorers.drawing import LEFT, RIGHT, WIDTH
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, ink, theme

HEIGHT = 440
TURN = math.radians(35)  # by which the thought turns on from wave to wave
REACH = 1.25


def following_memory(keep: float = 0.7) -> Explorer:
    """Turn how much the memory keeps, how long the hidden states are, and how many waves pass.

    Units:
        keep: 0 to 1
    """
    controls = {
        "keep": ipywidgets.FloatSlider(value=keep, min=0.0, max=1.0, step=0.05),
        "scale": ipywidgets.FloatLogSlider(value=10.0, base=10, min=-1, max=2, step=0.25),
        "waves": ipywidgets.IntSlider(value=5, min=1, max=10),
    }
    for name, control in controls.items():
        control.description = name
    return Explorer(figure, sentence, controls)


def seen(scale: float, waves: int) -> Tensor:
    """What a thought that turns looks like in memory space, of length `scale`, [waves, 2]."""
    angle = TURN * torch.arange(1, waves + 1, dtype=torch.float64)
    return scale * torch.stack([angle.cos(), angle.sin()], 1)


def paths(keep: float, scale: float, waves: int) -> tuple[Tensor, Tensor]:
    """Directions of the memory, [waves + 1, 2] each: of the library's Spine, and as printed.

    Both begin as (1, 0). Of the printed one the direction alone is shown.

    >>> ours, printed = paths(0.7, 1e6, 1)
    >>> ours[1].tolist() != printed[1].tolist()
    True
    """
    with torch.random.fork_rng(devices=[]):  # the layer draws its start; nobody sees it
        spine = Spine(2, 2, keep).double()
    with torch.no_grad():
        spine.to_memory.weight.copy_(torch.eye(2))
        spine.to_memory.bias.zero_()
        start = torch.tensor([1.0, 0.0], dtype=torch.float64)
        ours, printed = [start], [start]
        for h in seen(scale, waves):
            ours.append(spine(ours[-1][None, None], h[None, None])[0, 0])
            printed.append(keep * printed[-1] + (1 - keep) * h)
    return torch.stack(ours), nn.functional.normalize(torch.stack(printed), dim=1)


def sentence(keep: float, scale: float, waves: int) -> str:
    """By how many degrees each memory is behind the thought."""
    ours, printed = (_behind(path[-1], waves) for path in paths(keep, scale, waves))
    return (
        f"After {waves} waves the thought has turned by {math.degrees(TURN) * waves:.0f} degrees. "
        f"The memory is {ours:.0f} degrees behind, the printed one {printed:.0f}."
    )


def _behind(memory: Tensor, waves: int) -> float:
    thought = seen(1.0, waves)[-1]
    return math.degrees(math.acos(min(1.0, max(-1.0, float(memory @ thought)))))


def figure(keep: float, scale: float, waves: int) -> Figure:
    """Draw both memories and the thought on a circle."""
    ours, printed = paths(keep, scale, waves)
    around = torch.linspace(0, 2 * math.pi, 91)
    drawing = Figure()
    drawing.add_scatter(
        x=around.cos().tolist(),
        y=around.sin().tolist(),
        mode="lines",
        name="length 1",
        line={"color": colour("peer"), "width": 1},
    )
    for name, points, size, radius, tint in (
        ("thought", seen(1.0, waves), 7, 1.12, ink()),
        ("memory, as printed", printed, 9, 1.0, colour("naive")),
        ("memory", ours, 9, 0.88, accent()),
    ):
        x, y = (radius * points).T.tolist()
        marker = {"size": size, "color": tint}
        drawing.add_scatter(x=x, y=y, mode="markers", name=name, marker=marker)
    theme(drawing, height=HEIGHT)
    wide = REACH * (WIDTH - LEFT - RIGHT) / (HEIGHT - 80)  # so that circles are round
    drawing.update_xaxes(title="first direction of memory space", range=[-wide, wide])
    drawing.update_yaxes(title="second direction", range=[-REACH, REACH])
    return drawing
