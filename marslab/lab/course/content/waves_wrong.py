"""Known wrong answers to the exercises of notebook 30, and what whoever gives one is told."""

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _so_far(x: Tensor) -> Tensor:
    return x.cumsum(0) / _numbers(x)


def _numbers(x: Tensor) -> Tensor:
    return torch.arange(1, len(x) + 1, dtype=x.dtype)[:, None]


def _whole(x: Tensor) -> Tensor:
    return x.mean(0).expand_as(x)


def _mixed(left: Tensor, right: Tensor, alpha: Tensor) -> Tensor:
    return left + alpha[:, None] * (right - left)


def _score(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    return torch.cat([left, right], 1) @ weight + bias


def _sees_the_future(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    score = _score(_whole(left), _whole(right), weight, bias)
    return _mixed(left, right, score.sigmoid())


def _swapped(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    score = _score(_so_far(left), _so_far(right), weight, bias)
    return _mixed(right, left, score.sigmoid())


def _right_first(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    score = _score(_so_far(right), _so_far(left), weight, bias)
    return _mixed(left, right, score.sigmoid())


def _no_sigmoid(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    return _mixed(left, right, _score(_so_far(left), _so_far(right), weight, bias))


def _each_token(left: Tensor, right: Tensor, weight: Tensor, bias: float) -> Tensor:
    return _mixed(left, right, _score(left, right, weight, bias).sigmoid())


def _halfway(mean: Tensor, count: int, x: Tensor) -> Tensor:
    rows = []
    for row in x:
        mean = (mean + row) / 2
        rows.append(mean)
    return torch.stack(rows)


def _all_rows(mean: Tensor, count: int, x: Tensor) -> Tensor:
    return ((count * mean + x.sum(0)) / (count + len(x))).expand_as(x)


MERGED = (
    Wrong(
        "sees the future",
        _sees_the_future,
        "when the gate sees the mean of all tokens: a token must not know those after it (T1).",
    ),
    Wrong(
        "the sides swapped",
        _swapped,
        "when alpha is the share of the left side: it is that of the right one.",
    ),
    Wrong(
        "the right mean first",
        _right_first,
        "when the right mean comes first in the gate's input: the left one does.",
    ),
    Wrong(
        "no sigmoid",
        _no_sigmoid,
        "when the sigmoid is left out: alpha is a share, between 0 and 1.",
    ),
    Wrong(
        "each token for itself",
        _each_token,
        "when the gate sees each token alone: it sees the means of both sides so far.",
    ),
)

GO_ON = (
    Wrong(
        "begins anew",
        lambda mean, count, x: _so_far(x),
        "when the rows before are forgotten: the mean begins anew.",
    ),
    Wrong(
        "halfway to each row",
        _halfway,
        "when each row counts as much as all before it: its weight is 1 over their number.",
    ),
    Wrong(
        "the rows alone divided by all",
        lambda mean, count, x: x.cumsum(0) / (count + _numbers(x)),
        "when the sum of the rows before is left out: it is count times their mean.",
    ),
    Wrong(
        "the mean of all",
        _all_rows,
        "when each row gets the mean of all of them: it must not see those after it (T1).",
    ),
)

SIZE = (
    Wrong(
        "as printed",
        lambda d, waves: waves * (2 * d * d + d + 2 * d + 1),
        "of the printed formula: the second map, from d to d, is not in it (T14).",
    ),
    Wrong(
        "no gate, or no biases",
        lambda d, waves: waves * (3 * d * d + 2 * d),
        "when the gate is left out, or all the biases are: both are 2 d + 1 numbers.",
    ),
    Wrong(
        "a gate for each channel",
        lambda d, waves: waves * (5 * d * d + 3 * d),
        "when the gate gives a number for each channel: alpha is one number for a token (T64).",
    ),
    Wrong(
        "one for all waves",
        lambda d, waves: 3 * d * d + 4 * d + 1,
        "of a single merge: each wave has its own (T64).",
    ),
)
