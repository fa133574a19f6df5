"""Exercises of 22_titans_surprise: a write, a threshold, and the least a printed loss can be."""

from math import sqrt

import torch
from torch import Tensor

from marslab.lab.course.content import titans_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "22_titans_surprise"
WRITE, LEAST, SHARE = (
    recognised(*known) for known in (titans_wrong.WRITE, titans_wrong.LEAST, titans_wrong.SHARE)
)


def my_titans_step(
    M: Tensor,
    S: Tensor,
    pair: tuple[Tensor, Tensor],
    rate: float,
    momentum: float,
    forget: float,
) -> tuple[Tensor, Tensor]:
    """One step of a linear memory M with momentum S on the loss ||M k - v||^2; returns M and S.

    Shapes (V numbers of a value, K of a key): M, S: [V, K]; pair: k [K] and v [V]
    """
    k, v = pair
    gradient = 2 * torch.outer(M @ k - v, k)
    S = momentum * S - rate * gradient
    return (1 - forget) * M + S, S


def my_least_loss(dim: int) -> float:
    """The least mean((y - x)^2) of a y of length sqrt(dim) from an x of length 1, both [dim]."""
    return (sqrt(dim) - 1) ** 2 / dim


def my_right_share(known: Tensor, novel: Tensor, threshold: float) -> float:
    """How well a threshold parts two sets of surprises: 1 at best.

    The mean of two shares: of the known below the threshold, and of the novel at or above it.

    Shapes (N known, K novel items): known: [N]; novel: [K]
    """
    right_known = (known < threshold).double().mean()
    right_novel = (novel >= threshold).double().mean()
    return float(right_known + right_novel) / 2


def _step(draw: Draw, *, moves: bool, forgets: bool) -> tuple:
    V, K = draw.size(3), draw.size(3)
    M, k, v = draw.tensor(V, K, low=1, step=1), draw.tensor(K), draw.tensor(V, low=2, high=4)
    S = draw.tensor(V, K, low=1, step=1) if moves else torch.zeros(V, K, dtype=torch.float64)
    k[0] = draw.choice((1.0, 2.0, 0.5))
    rate = draw.choice((0.5, 0.25, 0.125))
    return M, S, (k, v), rate, 0.5 if moves else 0.0, 0.25 if forgets else 0.0


def _dim(draw: Draw) -> tuple:
    return (draw.choice((4, 9, 16, 96, 384)),)


def _sets(draw: Draw) -> tuple:
    known, novel = (draw.tensor(draw.size(5), low=0, high=1) for _ in "kn")
    return known, novel, draw.choice((0.5, 0.25, 0.375, 1.0))


def _uneven(draw: Draw) -> tuple:
    known, novel = draw.tensor(1, low=0, high=0.25), draw.tensor(3, low=0, high=1)
    return known, novel, 0.5


EXERCISES = (
    Exercise(
        id="titans.1",
        name="my_titans_step",
        notebook=NOTEBOOK,
        title="One write: gradient, momentum, forgetting",
        solution=my_titans_step,
        checks=(
            Check("goes down the gradient", lambda x: _step(x, moves=False, forgets=False), WRITE),
            Check("carries the momentum on", lambda x: _step(x, moves=True, forgets=False), WRITE),
            Check("forgets a little", lambda x: _step(x, moves=True, forgets=True), WRITE),
        ),
        hints=(
            "The gradient of ||M k - v||^2 by M is 2 (M k - v) k^T: torch.outer makes the table.",
            "First S = momentum * S - rate * gradient, then M = (1 - forget) * M + S.",
        ),
        wrong=titans_wrong.WRITE,
    ),
    Exercise(
        id="titans.2",
        name="my_right_share",
        notebook=NOTEBOOK,
        title="How well a threshold parts known from new",
        solution=my_right_share,
        checks=(
            Check("counts both sides, the threshold itself as new", _sets, SHARE),
            Check("weighs both sets alike, however many are in each", _uneven, SHARE),
        ),
        hints=(
            "(known < threshold) is a tensor of True and False; .double().mean() is the share.",
            "Two shares, one for each set, then their mean. The novel ones are right at or above.",
        ),
        wrong=titans_wrong.SHARE,
    ),
    Exercise(
        id="titans.3",
        name="my_least_loss",
        notebook=NOTEBOOK,
        title="The least that the printed loss can be",
        solution=my_least_loss,
        checks=(Check("the distance of two spheres, squared, per number", _dim, LEAST),),
        hints=(
            "The two vectors are nearest when they point the same way. How far apart are their "
            "ends then?",
            "sqrt(dim) - 1 apart. Square it for the sum of squares, and divide by dim: the loss "
            "is a mean.",
        ),
        wrong=titans_wrong.LEAST,
    ),
)
