"""Round normal numbers to few bits, and see what is lost and what gradient is left."""

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from marslab.memory.hdc import cosines, fake_quantize
from marslab.memory.hdc.quantization import BEST_STEP
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.curves import curves

NUMBERS, REACH, HEIGHT = 4096, 3.0, 360


def rounded_numbers(bits: int = 2) -> Explorer:
    """Turn the bits, and how many times the best step each step is.

    Errors:
        ValueError: bits is not 1, 2, 4 or 8
    """
    if bits not in BEST_STEP:
        raise ValueError(f"rounded_numbers: bits must be one of {list(BEST_STEP)}, got {bits}")
    controls = {
        "bits": ipywidgets.SelectionSlider(options=list(BEST_STEP), value=bits, description="bits"),
        "step": ipywidgets.FloatLogSlider(
            value=1.0, base=2, min=-2, max=2, step=0.25, description="step (× best)"
        ),
    }
    return Explorer(figure, sentence, controls)


def rounded(x: Tensor, bits: int, step: float) -> Tensor:
    """Round to 2^bits even levels on both sides of 0, `step` times the best step apart.

    >>> rounded(torch.tensor([-9.0, 0.1]), 1, 1.0).tolist()
    [-0.797..., 0.797...]
    """
    wide, top = step * BEST_STEP[bits], 2**bits - 1
    return ((x / wide + top / 2).round().clamp(0, top) - top / 2) * wide


def sentence(bits: int, step: float) -> str:
    """The cosine that is left, beside that of the library's step, and the bytes."""
    x = torch.randn(NUMBERS, generator=torch.Generator().manual_seed(0))
    mine = cosines(rounded(x, bits, step), x[None]).item()
    best = cosines(fake_quantize(x, bits), x[None]).item()
    return (
        f"{NUMBERS} normal numbers in {bits} bit{'s' * (bits > 1)} ({NUMBERS * bits // 8} bytes): "
        f"cosine {mine:.4f} with themselves; at the best step {best:.4f}."
    )


def figure(bits: int, step: float) -> Figure:
    """Draw the stairs, and the line whose gradient stands in for theirs."""
    x = torch.linspace(-REACH, REACH, 1201)
    lines = {
        "straight through": (x.tolist(), x.tolist()),
        "rounded": (x.tolist(), rounded(x, bits, step).tolist()),
    }
    return curves(
        lines, x_title="number (root mean squares)", y_title="what is kept", height=HEIGHT
    ).update_yaxes(range=[-REACH, REACH])
