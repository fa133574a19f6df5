"""Round a weight matrix to few bits, and let one weight of it grow."""

from functools import partial

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.value_levels import value_levels

LEAST, MOST = 2, 8  # bits
HEIGHT = 380


def rounded_weights(weights: Tensor, bits: int = 4) -> Explorer:
    """Turn the bits, and how many times its size the largest weight has.

    Shapes (N outputs, K inputs):
        weights: [N, K]

    Errors:
        ValueError: bits is not from 2 to 8, or there is no weight
    """
    if not LEAST <= bits <= MOST:
        raise ValueError(f"rounded_weights: bits must be from {LEAST} to {MOST}, got {bits}")
    if not weights.numel():
        raise ValueError("rounded_weights: there is no weight; give a matrix of some")
    kept = weights.detach().flatten().double()
    controls = {
        "bits": ipywidgets.IntSlider(value=bits, min=LEAST, max=MOST, description="bits"),
        "outlier": ipywidgets.FloatLogSlider(
            value=1.0, base=2, min=0, max=5, step=0.5, description="outlier (×)"
        ),
    }
    return Explorer(partial(figure, kept), partial(sentence, kept), controls)


def grown(weights: Tensor, outlier: float) -> Tensor:
    """The weights [n], the one of largest size `outlier` times as large.

    >>> grown(torch.tensor([1.0, -2.0]), 4.0).tolist()
    [1.0, -8.0]
    """
    found = weights.clone()
    found[weights.abs().argmax()] *= outlier
    return found


def step_of(weights: Tensor, bits: int) -> float:
    """The distance of the levels: the largest size over the largest whole number.

    >>> step_of(torch.tensor([1.0, -7.0]), 4)
    1.0
    """
    return weights.abs().max().item() / (2 ** (bits - 1) - 1)


def sentence(weights: Tensor, bits: int, outlier: float) -> str:
    """The step, the error, and how many weights are gone."""
    found = grown(weights, outlier)
    step = step_of(found, bits) or 1.0
    whole = (found / step).round()
    lost = (found - whole * step).square().mean().sqrt() / weights.square().mean().sqrt()
    return (
        f"{2**bits - 1} levels, {step:.3g} apart; root mean square error {lost:.1%} of a weight; "
        f"{(whole == 0).double().mean():.0%} of the weights become 0."
    )


def figure(weights: Tensor, bits: int, outlier: float) -> Figure:
    """Draw the weights, and the levels that there are for them."""
    found = grown(weights, outlier)
    top = 2 ** (bits - 1) - 1
    levels = torch.arange(-top, top + 1) * step_of(found, bits)
    return value_levels(found, levels, height=HEIGHT)
