"""What a teacher says of one example, softened by a temperature."""

from collections.abc import Sequence
from functools import partial

import ipywidgets
import torch
from plotly.graph_objects import Figure
from torch import Tensor

from marslab.widgets.explorers.explorer import Explorer
from marslab.widgets.figures.style import colour, theme

HEIGHT = 360


def softened_targets(logits: Tensor, labels: Sequence[str], T: float = 1.0) -> Explorer:
    """Turn the temperature, and which example the teacher is asked about.

    Shapes (n examples, V classes):
        logits: [n, V], the teacher's; labels: a name for each class

    Errors:
        ValueError: the logits are no [n, V] with a label for each class
    """
    if logits.ndim != 2 or logits.shape[1] != len(labels) or not len(logits):
        raise ValueError(
            f"softened_targets: logits must be [n, {len(labels)}], one column for each label, "
            f"got {list(logits.shape)}"
        )
    controls = {
        "T": ipywidgets.FloatLogSlider(value=T, base=2, min=-1, max=5, step=0.25, description="T"),
        "example": ipywidgets.IntSlider(value=0, max=len(logits) - 1, description="example"),
    }
    kept = logits.detach().double()
    return Explorer(partial(figure, kept, labels), partial(sentence, kept, labels), controls)


def softened(logits: Tensor, T: float) -> Tensor:
    """softmax(logits / T).

    >>> softened(torch.tensor([0.0, 0.0]), 3.0).tolist()
    [0.5, 0.5]
    """
    return (logits / T).softmax(-1)


def sentence(logits: Tensor, labels: Sequence[str], T: float, example: int) -> str:
    """The first and the second choice, and how undecided the teacher sounds."""
    told = softened(logits[example], T)
    first, second = told.topk(2).indices.tolist()
    choices = torch.special.entr(told).sum().exp()
    return (
        f"At T = {T:.3g} the teacher says {labels[first]} with {told[first]:.1%} and "
        f"{labels[second]} with {told[second]:.1%}: as undecided as between {choices:.1f} "
        f"of {len(labels)} classes."
    )


def figure(logits: Tensor, labels: Sequence[str], T: float, example: int) -> Figure:
    """Draw the share of each class."""
    fig = Figure()
    fig.add_bar(
        x=list(range(len(labels))),
        y=softened(logits[example], T).tolist(),
        marker_color=colour("numba"),
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )
    theme(fig, height=HEIGHT)
    fig.update_xaxes(title_text="class", tickvals=list(range(len(labels))), ticktext=list(labels))
    return fig.update_yaxes(title_text="what the teacher says (share)", range=[0, 1])
