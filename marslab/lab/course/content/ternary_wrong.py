"""Known wrong answers to the exercises of notebook 52, and what whoever gives one is told."""

from torch import Tensor

from marslab.lab.course.registry import Wrong


def _places(row: list[int]) -> tuple[list[int], int]:
    """The row with zeros behind it, and its bytes."""
    J = -(-len(row) // 4)
    return row + [0] * (4 * J - len(row)), J


def _neighbours(row: list[int]) -> list[int]:
    padded, J = _places(row)
    return [sum((padded[4 * j + i] & 3) << 2 * i for i in range(4)) for j in range(J)]


def _shifted_by_one(row: list[int]) -> list[int]:
    padded, J = _places(row)
    return [sum((padded[i * J + j] + 1) << 2 * i for i in range(4)) for j in range(J)]


def _first_on_top(row: list[int]) -> list[int]:
    padded, J = _places(row)
    return [sum((padded[i * J + j] & 3) << 2 * (3 - i) for i in range(4)) for j in range(J)]


def _one_bit_apart(row: list[int]) -> list[int]:
    padded, J = _places(row)
    return [sum((padded[i * J + j] & 3) << i for i in range(4)) for j in range(J)]


def _by_row(W: Tensor) -> tuple[Tensor, Tensor]:
    own = W.abs().mean(1, keepdim=True).clamp(min=1e-12)
    return (W / own).round().clamp(-1, 1), W.abs().mean()


LEVELS = (
    Wrong(
        "two levels",
        lambda W: (W.sign(), W.abs().mean()),
        "when only the signs are taken: small weights become 0 here, that is the third level.",
    ),
    Wrong(
        "the largest sets the scale",
        lambda W: ((W / W.abs().max()).round(), W.abs().max()),
        "when the largest weight sets the scale: it is the mean size that does.",
    ),
    Wrong(
        "more than three levels",
        lambda W: ((W / W.abs().mean()).round(), W.abs().mean()),
        "when nothing is cut off: 2 is no level.",
    ),
    Wrong(
        "cut off, not rounded",
        lambda W: ((W / W.abs().mean()).clamp(-1, 1), W.abs().mean()),
        "when the weights are cut off and not rounded.",
    ),
    Wrong("a scale for each row", _by_row, "when each row has a scale of its own: one for all."),
)

PACKED = (
    Wrong(
        "neighbours share a byte",
        _neighbours,
        "when neighbours share a byte: weight i J + j goes to byte j.",
    ),
    Wrong(
        "counted from 0",
        _shifted_by_one,
        "when 1 is added to each weight: in two's complement a byte 0 is four weights 0.",
    ),
    Wrong("the first on top", _first_on_top, "when i = 0 takes the highest bits, not the lowest."),
    Wrong("a bit each", _one_bit_apart, "when the weights are one bit apart: each takes 2 bits."),
)

LENT = (
    Wrong(
        "a scale too many",
        lambda dy, x, W_q, scale: (scale * dy @ W_q, scale * dy.mT @ x),
        "when dW is multiplied by the scale: W is what x is multiplied by, scale and all.",
    ),
    Wrong(
        "the scale forgotten",
        lambda dy, x, W_q, scale: (dy @ W_q, dy.mT @ x),
        "when dx comes back without the scale.",
    ),
    Wrong(
        "zeros learn nothing",
        lambda dy, x, W_q, scale: (scale * dy @ W_q, dy.mT @ x * (W_q != 0)),
        "when a weight that is 0 gets no gradient: then it would stay 0 for ever.",
    ),
    Wrong(
        "no gradient for W",
        lambda dy, x, W_q, scale: (scale * dy @ W_q, 0 * W_q),
        "when the rounding keeps the gradient: stairs are flat, so pretend that there are none.",
    ),
)
