"""Known wrong answers to the exercises of notebook 06, and what whoever gives one is told."""

import math

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

FEW_DIGITS = "Next to 1 float32 has only 7 digits, and a long memory is in the ones that follow."


def _before(gamma: Tensor) -> Tensor:
    """The product of all decays before each."""
    return torch.cat([torch.ones_like(gamma[:1]), gamma.cumprod(0)[:-1]])


def _later(fades: Tensor, dy: Tensor) -> Tensor:
    """s[j] = dy[j] + fades[j] s[j+1], from the end."""
    s, found = torch.zeros((), dtype=dy.dtype), []
    for fade, dy_j in zip(fades.flip(0), dy.flip(0), strict=True):
        s = dy_j + fade * s
        found.append(s)
    return torch.stack(found[::-1])


def _keeps_itself(gamma: Tensor, dy: Tensor) -> Tensor:
    return gamma.cumprod(0) * _later(gamma.roll(-1), dy)


def _in_float32(decay: float, least: float) -> int:
    enough = 2 + math.ceil(1.01 * least / math.log(decay))
    sums = torch.full((enough,), decay, dtype=torch.float32).log().cumsum(0)
    return int((sums <= least).nonzero()[0]) + 1


def _between(low: float, high: float, count: int) -> Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)


CLAMP = (
    Wrong(
        "rounded down",
        lambda decay, least: math.floor(least / math.log(decay)),
        "when the step is rounded down, or counted from 0: the sum has to be at the clamp, and "
        "the first step is 1.",
    ),
    Wrong(
        "from the second step",
        lambda decay, least: max(2, math.ceil(least / math.log(decay))),
        "when the sum is looked at from the second step on: the first can be enough.",
    ),
    Wrong(
        "not a whole step",
        lambda decay, least: least / math.log(decay),
        "when the number of steps is not rounded: the first whole step that is enough is wanted.",
    ),
    Wrong(
        "float32",
        _in_float32,
        "when the logs are added up in float32: each of them is rounded, and thousands of "
        "roundings move the step.",
    ),
    Wrong(
        "logarithm to the base 10",
        lambda decay, least: math.ceil(least / math.log10(decay)),
        "with logarithms to the base 10: the clamp is on natural ones, math.log.",
    ),
    Wrong(
        "the half-life",
        lambda decay, least: math.ceil(math.log(0.5) / math.log(decay)),
        "for the half-life: that does not depend on where the clamp stands.",
    ),
    Wrong(
        "what a step loses",
        lambda decay, least: math.ceil(-least / (1 - decay)),
        "when the sum falls by 1 - decay at each step: it falls by -log(decay), which is more.",
    ),
)

GRADIENT = (
    Wrong(
        "divided away",
        lambda gamma, dy: _later(torch.ones_like(dy), dy * gamma.cumprod(0)) / gamma,
        "when gamma[j] is divided out of the products: for a decay of 0 that is 0/0. Leave it out "
        "from the start.",
    ),
    Wrong(
        "the decay itself",
        _keeps_itself,
        "when the product before step j has gamma[j] in it: that is the factor to leave out.",
    ),
    Wrong(
        "its own product only",
        lambda gamma, dy: _before(gamma) * dy,
        "when gamma[j] counts in y[j] alone: it stands in every later product too.",
    ),
    Wrong(
        "nothing between",
        lambda gamma, dy: _before(gamma) * _later(torch.ones_like(dy), dy),
        "when the later dy are added up as they are: y[t] has the decays from j + 1 to t in it as "
        "well.",
    ),
    Wrong(
        "one decay too early",
        lambda gamma, dy: _before(gamma) * _later(gamma, dy),
        "when the way back from step j + 1 to step j multiplies by gamma[j]: it is gamma[j + 1].",
    ),
)

SPREAD = (
    Wrong(
        "even decays",
        lambda channels, longest: _between(math.exp(-1), math.exp(-1 / longest), channels),
        "when the decays themselves are evenly spaced: nearly all of them are short memories then.",
    ),
    Wrong(
        "even time constants",
        lambda channels, longest: torch.exp(-1 / _between(1, longest, channels)),
        "when the time constants are evenly spaced, not their logs: nearly all of them are long.",
    ),
    Wrong(
        "half-lives",
        lambda channels, longest: 0.5 ** (1 / _between(0, math.log(longest), channels).exp()),
        "when a half is left after n steps: after a time constant it is 1/e.",
    ),
    Wrong(
        "1 - 1/n",
        lambda channels, longest: 1 - 1 / _between(0, math.log(longest), channels).exp(),
        "when a step keeps 1 - 1/n: that is near exp(-1/n) for long memories, and 0 for one step.",
    ),
    Wrong(
        "longest first",
        lambda channels, longest: torch.exp(-1 / _between(math.log(longest), 0, channels).exp()),
        "when the longest memory comes first: the shortest does.",
    ),
)

SPREAD_IN_FLOAT32 = Wrong(
    "float32",
    lambda channels, longest: torch.exp(
        -1 / torch.logspace(0, math.log10(longest), channels)
    ).double(),
    FEW_DIGITS,
)
