"""Exercises of 30_wave_gates: a gate between two blocks, a mean that goes on, and a count."""

import torch
from torch import Tensor

from marslab.lab.course.content import waves_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "30_wave_gates"
MERGED = recognised(*waves_wrong.MERGED)
GO_ON = recognised(*waves_wrong.GO_ON)
SIZE = recognised(*waves_wrong.SIZE)


def merged(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    """(1 - alpha) left + alpha right, with a gate that sees the means of both sides so far.

    Shapes (L length, D width): left, right: [L, D]; weight: [2 D], for the left mean first;
        returns [L, D]
    """
    count = torch.arange(1, len(left) + 1, dtype=left.dtype)[:, None]
    means = torch.cat([left.cumsum(0) / count, right.cumsum(0) / count], 1)
    alpha = torch.sigmoid(means @ weight + bias)[:, None]
    return (1 - alpha) * left + alpha * right


def go_on(mean: Tensor, count: int, x: Tensor) -> Tensor:
    """The running mean at each row of x, when `count` rows with this mean came before.

    Shapes (L length, D width): mean: [D]; x: [L, D]; returns [L, D]
    """
    seen = count + torch.arange(1, len(x) + 1, dtype=x.dtype)
    return (count * mean + x.cumsum(0)) / seen[:, None]


def merge_size(d: int, waves: int) -> int:
    """The parameters of the merges of all waves, gates and biases included.

    Units: d: width; returns a count
    """
    correction = (2 * d * d + d) + (d * d + d)
    gate = 2 * d + 1
    return waves * (correction + gate)


def _sides(draw: Draw, length: int) -> tuple[Tensor, Tensor, Tensor, float]:
    D = draw.size(3)
    left, right = draw.tensor(length, D, step=1), draw.tensor(length, D, step=1)
    return left, right, draw.tensor(2 * D, step=1), draw.choice((0.0, 1.0, -1.0))


def _behind(draw: Draw, count: int) -> tuple[Tensor, int, Tensor]:
    L, D = draw.size(4), draw.size(2)
    return draw.tensor(D, step=1), count, draw.tensor(L, D, step=1)


def _sizes(draw: Draw) -> tuple[int, int]:
    return draw.integer(1, 4), draw.integer(2, 6)


EXERCISES = (
    Exercise(
        id="waves.1",
        name="merged",
        notebook=NOTEBOOK,
        title="A gate between two blocks",
        solution=merged,
        checks=(
            Check("one token", lambda draw: _sides(draw, 1), MERGED),
            Check("several tokens", lambda draw: _sides(draw, draw.size(4, low=2)), MERGED),
        ),
        hints=(
            "At token t the gate may look at tokens 0 to t only. The mean so far is a sum so far, "
            "divided by how many tokens there were.",
            "left.cumsum(0) divided by 1, 2, 3, ... is the left mean at each token. Put both means "
            "side by side, multiply by the weight, add the bias, take the sigmoid.",
            "count = torch.arange(1, len(left) + 1, dtype=left.dtype)[:, None]; means = "
            "torch.cat([left.cumsum(0) / count, right.cumsum(0) / count], 1); alpha = "
            "torch.sigmoid(means @ weight + bias)[:, None]; (1 - alpha) * left + alpha * right.",
        ),
        wrong=waves_wrong.MERGED,
    ),
    Exercise(
        id="waves.2",
        name="go_on",
        notebook=NOTEBOOK,
        title="A mean that goes on where it was",
        solution=go_on,
        checks=(
            Check("nothing came before", lambda draw: _behind(draw, 0), GO_ON),
            Check(
                "some rows came before", lambda draw: _behind(draw, draw.choice((3, 1, 7))), GO_ON
            ),
        ),
        hints=(
            "From a mean and a count you know the sum of all that came before.",
            "That sum is count * mean. Add the rows of x one after the other, and divide by how "
            "many rows there are by then.",
            "seen = count + torch.arange(1, len(x) + 1, dtype=x.dtype); (count * mean + "
            "x.cumsum(0)) / seen[:, None].",
        ),
        wrong=waves_wrong.GO_ON,
    ),
    Exercise(
        id="waves.3",
        name="merge_size",
        notebook=NOTEBOOK,
        title="What merging costs",
        solution=merge_size,
        checks=(Check("small widths", _sizes, SIZE),),
        hints=(
            "A linear map from n to m numbers has n m weights and m biases. There are three of "
            "them in a merge.",
            "The gate goes from 2 d to 1. The correction goes from 2 d to d, and then from d to d.",
            "waves * ((2 * d * d + d) + (d * d + d) + (2 * d + 1)).",
        ),
        wrong=waves_wrong.SIZE,
    ),
)
