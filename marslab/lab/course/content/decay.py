"""Exercises of 06_log_space_decay: a clamp that counts, a gradient at 0, a spread of memories."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from marslab.lab.course.content import decay_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "06_log_space_decay"
CLAMP = recognised(*decay_wrong.CLAMP)
GRADIENT = recognised(*decay_wrong.GRADIENT)
SPREAD = recognised(*decay_wrong.SPREAD)


def counter_starts(decay: float, least: float) -> int:
    """The first step at which the running sum of log(decay) is at `least` or below.

    Units: decay is the share that each step keeps, 0 < decay < 1; least is a logarithm, below 0;
        steps count from 1
    """
    return math.ceil(least / math.log(decay))


def gradient_of_products(gamma: Tensor, dy: Tensor) -> Tensor:
    """The gradient of sum(dy * y) by gamma, for y[t] = gamma[0] ... gamma[t].

    Shapes (L steps): gamma, dy: [L]; returns [L]. A decay may be 0.
    """
    after = torch.zeros_like(dy)  # s: what reaches the products from step j on
    after[-1] = dy[-1]
    for j in range(len(gamma) - 2, -1, -1):
        after[j] = dy[j] + gamma[j + 1] * after[j + 1]
    before = torch.ones_like(gamma)
    for j in range(1, len(gamma)):
        before[j] = before[j - 1] * gamma[j - 1]
    return before * after


def spread_decays(channels: int, longest: float) -> Tensor:
    """Decays with time constants from 1 step to `longest`, evenly spaced on a log scale.

    Shapes: returns [channels], float64, the shortest memory first; channels is 2 or more

    Units: a time constant of n steps leaves 1/e of a memory after n steps
    """
    logs = torch.linspace(0, math.log(longest), channels, dtype=torch.float64)
    return torch.exp(-1 / logs.exp())


def _clamps(*decays: float, least: tuple[float, ...] = (-10.0, -20.0, -50.0)) -> Callable:
    return lambda draw: (draw.choice(decays), draw.choice(least))


def _decays(draw: Draw, n: int, low: float) -> Tensor:
    return draw.tensor(n, low=low, high=0.75)


def _upstream(low: float, shortest: int, longest: int) -> Callable:
    def cases(draw: Draw) -> tuple:
        n = draw.size(longest, low=shortest)
        return _decays(draw, n, low), draw.tensor(n, low=1, high=2, step=1)

    return cases


def _spread(channels: Sequence[int], *longest: float) -> Callable:
    return lambda draw: (draw.choice(channels), draw.choice(longest))


def _time_constants(args: tuple, got: Any, expected: Tensor) -> str:
    """How long the memories last that these decays make, and which mistake that is."""
    told = SPREAD(args, got, expected)
    if not ((got > 0) & (got < 1)).all() or torch.allclose(got.double(), expected):
        return told
    mine, right = (", ".join(f"{n:.4g}" for n in -1 / x.log()) for x in (got, expected))
    return f"Your time constants are {mine} steps, expected {right}. {told}".rstrip()


def _keeps_digits(answer: Callable, channels: int, longest: float) -> None:
    slowest = answer(channels, longest)[-1].double()
    lives = (-1 / slowest.log()).item()
    assert abs(lives / longest - 1) < 1e-6, (
        f"The slowest memory should last {longest:,.0f} steps, yours lasts {lives:,.0f}. "
        f"{decay_wrong.FEW_DIGITS}"
    )


EXERCISES = (
    Exercise(
        id="decay.1",
        name="counter_starts",
        notebook=NOTEBOOK,
        title="The step at which a clamp on a running sum takes hold",
        solution=counter_starts,
        checks=(
            Check("short memories", _clamps(0.5, 0.25, 0.75), CLAMP),
            Check("long memories", _clamps(0.99, 0.9, 0.999), CLAMP),
            Check(
                "one step can be enough",
                _clamps(1e-30, least=(-20.0, -1.0)),
                CLAMP,
            ),
        ),
        hints=(
            "All decays are equal. What is the running sum of their logs after t steps?",
            "t log(decay) has to be at least or below. Both are negative: mind what dividing does "
            "to the sign, and that t is a whole number.",
            "t is least / math.log(decay), rounded up to a whole step.",
        ),
        wrong=decay_wrong.CLAMP,
    ),
    Exercise(
        id="decay.2",
        name="gradient_of_products",
        notebook=NOTEBOOK,
        title="The gradient of running products, with zeros among the decays",
        solution=gradient_of_products,
        checks=(
            Check("a single decay", _upstream(0.25, 1, 1), GRADIENT),
            Check("every later product counts", _upstream(0.25, 2, 4), GRADIENT),
            Check("a decay may be 0", _upstream(0.0, 1, 4), GRADIENT),
        ),
        hints=(
            "gamma[j] is one factor of y[j] and of all later products. What do they become when "
            "it is left out?",
            "Two loops: one from the start for the product before j, one from the end for "
            "s[j] = dy[j] + gamma[j+1] s[j+1].",
            "before[0] = 1 and before[j] = before[j-1] * gamma[j-1]; s of the last step is its dy; "
            "the gradient is before * s.",
        ),
        wrong=decay_wrong.GRADIENT,
    ),
    Exercise(
        id="decay.3",
        name="spread_decays",
        notebook=NOTEBOOK,
        title="Decays whose memories last from one step to the whole context",
        solution=spread_decays,
        checks=(
            Check("the shortest and the longest", _spread([2], 10, 100, 1000), _time_constants),
            Check("even steps between", _spread([3, 4, 5], 100, 16, 1000), _time_constants),
            Check(
                "a very long memory keeps its digits", _spread([2], 1_000_000), law=_keeps_digits
            ),
        ),
        hints=(
            "First the time constants, then a decay from each. Even on a log scale: each is the "
            "same factor times the one before.",
            "A memory that keeps g has g ** n left after n steps. Set that to 1/e and solve for g. "
            "The logs of the n are evenly spaced, from 0 to log(longest).",
            "n is the exp of torch.linspace(0, math.log(longest), channels, dtype=torch.float64), "
            "and a decay is exp(-1 / n).",
        ),
        wrong=(*decay_wrong.SPREAD, decay_wrong.SPREAD_IN_FLOAT32),
    ),
)
