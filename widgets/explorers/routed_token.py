"""Route a token: where its mean points, what each expert scores, and who gets how much weight."""

import math
from dataclasses import replace

import ipywidgets
import torch
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from marslab.layers import MoLE
from marslab.layers.block_config import EXPERTS, MoleConfig
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import accent, colour, theme

HEIGHT = 440
OPEN = 20.0  # a bias at which a gate is open


def routed_token(temperature: float = 0.1) -> Explorer:
    """Turn the direction of a token's mean, the temperature, and how many experts answer.

    Eight experts look in eight directions, 45 degrees apart; a real MoLE layer routes.

    Units:
        temperature: 0.02 to 2
    """
    controls = {
        "direction": ipywidgets.IntSlider(value=60, min=0, max=359, step=5),
        "temperature": ipywidgets.FloatLogSlider(
            value=temperature, base=10, min=math.log10(0.02), max=math.log10(2), step=0.05
        ),
        "top_k": ipywidgets.IntSlider(value=2, min=1, max=len(EXPERTS)),
    }
    for name, control in controls.items():
        control.description = name
    return Explorer(figure, sentence, controls)


def routed(direction: float, temperature: float, top_k: int) -> tuple[Tensor, Tensor]:
    """The cosines and the weights of the eight experts, [8] each; direction in degrees."""
    config = replace(MoleConfig(), temperature=temperature, top_k=top_k, rank=1)
    with torch.random.fork_rng(devices=[]):  # the layer draws its start; nobody sees it
        layer = MoLE(2, config).double().eval()
    angles = torch.arange(len(EXPERTS), dtype=torch.float64) * 2 * math.pi / len(EXPERTS)
    turn = math.radians(direction)
    mean = torch.tensor([[[math.cos(turn), math.sin(turn)]]], dtype=torch.float64)
    with torch.no_grad():
        layer.experts.queries.copy_(torch.stack([angles.cos(), angles.sin()], 1))
        layer.experts.gate.weight.zero_()
        layer.experts.gate.bias.fill_(OPEN)
        return (turn - angles).cos(), layer(mean, mean).weights[0, 0]


def sentence(direction: float, temperature: float, top_k: int) -> str:
    """Who answers, and how much more the first weighs than the second."""
    _, weights = routed(direction, temperature, top_k)
    best, index = weights.topk(top_k)
    first, rest = EXPERTS[int(index[0])], [EXPERTS[int(i)] for i in index[1:3]]
    if not rest:
        return f"{first} answers alone."
    more = f", and {top_k - 3} more" if top_k > 3 else ""
    ratio = best[0] / best[1].clamp_min(1e-300)
    return f"{first} answers with {', '.join(rest)}{more}; it weighs {ratio:.3g} times the second."


def figure(direction: float, temperature: float, top_k: int) -> Figure:
    """Draw the cosines, and below them the weights."""
    cosines, weights = routed(direction, temperature, top_k)
    drawing = make_subplots(rows=2, cols=1, row_heights=[0.5, 0.5], vertical_spacing=0.2)
    at = list(range(len(EXPERTS)))
    for row, (name, values, tint) in enumerate(
        (("cosine", cosines, colour("numba")), ("weight", weights, accent())), 1
    ):
        marker = {"color": tint}
        drawing.add_bar(x=at, y=values.tolist(), name=name, marker=marker, row=row, col=1)
    theme(drawing, height=HEIGHT)
    named = {"tickvals": at, "ticktext": list(EXPERTS), "range": [-0.6, len(EXPERTS) - 0.4]}
    drawing.update_xaxes(**named)
    drawing.update_xaxes(title="expert", row=2, col=1)
    drawing.update_yaxes(title="cosine", range=[-1.05, 1.05], row=1, col=1)
    drawing.update_yaxes(title="weight", range=[0, 1.05], row=2, col=1)
    return drawing
