"""Exercises of 52_ternary_weights: three levels, four weights to a byte, a gradient on loan."""

import torch
from torch import Tensor

from marslab.lab.course.content import ternary_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "52_ternary_weights"
LEVELS = recognised(*ternary_wrong.LEVELS)
PACKED = recognised(*ternary_wrong.PACKED)
LENT = recognised(*ternary_wrong.LENT)


def three_levels(W: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to -1, 0 and 1 times its mean size: (W_q, scale).

    Shapes (N outputs, K inputs): W: [N, K], not all 0; returns W_q [N, K] and scale []
    """
    scale = W.abs().mean()
    return (W / scale).round().clamp(-1, 1), scale


def four_to_a_byte(row: list[int]) -> list[int]:
    """Pack a row of K weights -1, 0, 1 into J = ceil(K / 4) bytes; byte j holds i J + j, i < 4."""
    J = -(-len(row) // 4)
    padded = row + [0] * (4 * J - len(row))
    return [sum((padded[i * J + j] & 3) << 2 * i for i in range(4)) for j in range(J)]


def lent(dy: Tensor, x: Tensor, W_q: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients (dx, dW) that y = scale * x W_q^T gets, straight through the rounding of W.

    Shapes (n examples, K inputs, N outputs): dy: [n, N], x: [n, K], W_q: [N, K], scale: []
    """
    return scale * dy @ W_q, dy.mT @ x


def _matrix(draw: Draw) -> tuple[Tensor]:
    W = draw.tensor(draw.size(3), draw.size(4))
    W[0, 0] = draw.choice((1.0, -2.0, 0.75))  # a matrix of zeros has no mean size to divide by
    return (W,)


def _row(draw: Draw) -> tuple[list[int]]:
    return ([draw.integer(-1, 1) for _ in range(draw.size(11))],)


def _whole_row(draw: Draw) -> tuple[list[int]]:
    return ([draw.integer(-1, 1) for _ in range(4 * draw.size(3))],)


def _step(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    n, K, N = draw.size(3), draw.size(3), draw.size(3)
    W_q = draw.tensor(N, K, low=-1, high=1, step=1.0)
    scale = torch.tensor(draw.choice((0.5, 0.25, 2.0)), dtype=torch.float64)
    return draw.tensor(n, N), draw.tensor(n, K), W_q, scale


EXERCISES = (
    Exercise(
        id="ternary.1",
        name="three_levels",
        notebook=NOTEBOOK,
        title="Three levels",
        solution=three_levels,
        checks=(Check("a matrix", _matrix, LEVELS),),
        hints=(
            "The scale is the mean of all |W|. In units of it, which whole number is nearest?",
            "A weight of three times the mean is nearest to 3, and there is no such level.",
            "scale = W.abs().mean(); return (W / scale).round().clamp(-1, 1), scale.",
        ),
        wrong=ternary_wrong.LEVELS,
    ),
    Exercise(
        id="ternary.2",
        name="four_to_a_byte",
        notebook=NOTEBOOK,
        title="Four weights to a byte",
        solution=four_to_a_byte,
        checks=(
            Check("a row of whole bytes", _whole_row, PACKED),
            Check("any row", _row, PACKED),
        ),
        hints=(
            "In two's complement 2 bits say 0, 1 and, as 3, the number -1: weight & 3.",
            "Weight i J + j goes to byte j, shifted up by 2 i bits. What is not there is 0.",
            "padded = row + [0] * (4 * J - len(row)); byte j is "
            "sum((padded[i * J + j] & 3) << 2 * i for i in range(4)).",
        ),
        wrong=ternary_wrong.PACKED,
    ),
    Exercise(
        id="ternary.3",
        name="lent",
        notebook=NOTEBOOK,
        title="The gradient of real weights",
        solution=lent,
        checks=(Check("both gradients", _step, LENT),),
        hints=(
            "x met the rounded weights. So its gradient comes back through the rounded ones.",
            "W stands for scale * W_q as if nothing was rounded: what is the gradient of x W^T?",
            "return scale * dy @ W_q, dy.mT @ x.",
        ),
        wrong=ternary_wrong.LENT,
    ),
)
