"""Known wrong answers to the exercises of notebook 22, and what whoever gives one is told."""

from math import sqrt

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _gradient(M: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return 2 * torch.outer(M @ k - v, k)


def _after(M: Tensor, S: Tensor, forget: float) -> tuple[Tensor, Tensor]:
    return (1 - forget) * M + S, S


WRITE = (
    Wrong(
        "uphill",
        lambda M, S, pair, rate, momentum, forget: _after(
            M, momentum * S + rate * _gradient(M, *pair), forget
        ),
        "when the step goes up the gradient: the error grows.",
    ),
    Wrong(
        "half a gradient",
        lambda M, S, pair, rate, momentum, forget: _after(
            M, momentum * S - rate * _gradient(M, *pair) / 2, forget
        ),
        "without the 2 of the derivative of a square.",
    ),
    Wrong(
        "no momentum",
        lambda M, S, pair, rate, momentum, forget: _after(M, -rate * _gradient(M, *pair), forget),
        "when the old S is dropped: the momentum carries it on.",
    ),
    Wrong(
        "momentum on the memory",
        lambda M, S, pair, rate, momentum, forget: _after(
            momentum * M, S - rate * _gradient(M, *pair), forget
        ),
        "when the momentum weighs M: it weighs S, what the last step did.",
    ),
    Wrong(
        "never forgets",
        lambda M, S, pair, rate, momentum, forget: _after(
            M, momentum * S - rate * _gradient(M, *pair), 0.0
        ),
        "without (1 - forget): nothing fades.",
    ),
    Wrong(
        "keeps only forget",
        lambda M, S, pair, rate, momentum, forget: _after(
            M, momentum * S - rate * _gradient(M, *pair), 1 - forget
        ),
        "when forget is the share that is kept: it is the share that goes.",
    ),
)

LEAST = (
    Wrong("nothing", lambda dim: 0.0, "when y may have any length: it is sqrt(dim) long."),
    Wrong(
        "a sum", lambda dim: (sqrt(dim) - 1) ** 2, "as a sum of squares: the loss is their mean."
    ),
    Wrong(
        "not squared",
        lambda dim: (sqrt(dim) - 1) / dim,
        "when the distance is not squared.",
    ),
    Wrong(
        "at right angles",
        lambda dim: (dim + 1) / dim,
        "when the two stand at right angles: they are nearest when they point the same way.",
    ),
    Wrong(
        "length dim",
        lambda dim: (dim - 1) ** 2 / dim,
        "when y is dim long: its dim numbers are about 1 each, so it is sqrt(dim) long.",
    ),
)


def _share(right: Tensor) -> float:
    return float(right.double().mean())


SHARE = (
    Wrong(
        "all in one pot",
        lambda known, novel, threshold: _share(torch.cat([known < threshold, novel >= threshold])),
        "when both sets are counted together: the larger one then drowns the other.",
    ),
    Wrong(
        "the wrong way round",
        lambda known, novel, threshold: (
            (_share(known >= threshold) + _share(novel < threshold)) / 2
        ),
        "with the sides exchanged: what is known surprises little.",
    ),
    Wrong(
        "the border is known",
        lambda known, novel, threshold: (
            (_share(known <= threshold) + _share(novel > threshold)) / 2
        ),
        "when a surprise of exactly the threshold counts as known: it counts as new.",
    ),
    Wrong(
        "a sum",
        lambda known, novel, threshold: _share(known < threshold) + _share(novel >= threshold),
        "as the sum of the two shares: take their mean.",
    ),
)
