"""Turn how a Titans writes, and watch what it is surprised by."""

from collections.abc import Sequence
from string import ascii_uppercase

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from marslab.memory import Titans, TitansConfig
from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.surprise import surprise_bars

HEIGHT = 340
MOST = 3.0  # a surprise beyond is drawn as this: what runs away has no height


def titans_stream(items: Tensor, order: Sequence[int], hidden: int = 192) -> Explorer:
    """Tell the items in `order` to a fresh Titans, whose rate, momentum and forgetting turn.

    Shapes (N items, M memory width):
        items: [N, M], up to 26 of them

    Errors:
        ValueError: there are no items or too many, or `order` names one that is not there
    """
    if items.dim() != 2 or not 0 < len(items) <= len(ascii_uppercase):
        raise ValueError(f"titans_stream: items must be [1..26, M], got {list(items.shape)}")
    if not order or not 0 <= min(order) <= max(order) < len(items):
        raise ValueError(f"titans_stream: order must name items 0..{len(items) - 1}")
    seen = [item in order[:at] for at, item in enumerate(order)]

    def told(rate: float, momentum: float, forget: float) -> list[float]:
        config = TitansConfig(rate=rate, momentum=momentum, forget=forget)
        return surprises(items[list(order)], config, hidden)

    def draw(**values: float) -> Figure:
        heights = [min(value, MOST) for value in told(**values)]
        labels = [ascii_uppercase[item] for item in order]
        return surprise_bars(heights, seen, labels=labels, height=HEIGHT)

    def tell(**values: float) -> str:
        found = told(**values)
        new = [value for value, old in zip(found, seen, strict=True) if not old]
        old = [value for value, known in zip(found, seen, strict=True) if known]
        return (
            f"First time: {_mean(new):.2f} on average, least {min(new):.2f}. "
            f"Told before: {_mean(old):.2f}, largest {max(old, default=0.0):.2f}."
        )

    return Explorer(draw, tell, _sliders())


@torch.no_grad()
def surprises(told: Tensor, config: TitansConfig, hidden: int = 192) -> list[float]:
    """How surprised a fresh Titans is by each item [N, M] before it writes it."""
    titans = Titans(told.shape[-1], hidden, config)
    state, found = titans.fresh(), []
    for item in told:
        found.append(float(titans.surprise(item, state)))
        state, _ = titans.write(item, state)
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _sliders() -> dict[str, ipywidgets.FloatSlider | ipywidgets.FloatLogSlider]:
    return {
        "rate": ipywidgets.FloatLogSlider(
            value=0.2, base=10, min=-2, max=0, step=0.1, description="rate θ"
        ),
        "momentum": ipywidgets.FloatSlider(
            value=0.3, min=0, max=0.9, step=0.1, description="momentum η"
        ),
        "forget": ipywidgets.FloatLogSlider(
            value=1e-3, base=10, min=-4, max=-0.5, step=0.1, description="forget α"
        ),
    }
