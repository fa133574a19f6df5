"""What a step of a phase is made of: pure functions of its number, so that resuming is exact."""

import math
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from marslab.learning.language.plan import Phase

PRINTED_SHARES = (0.25, 0.25, 0.3, 0.2)


def learning_rate(phase: Phase, step: int) -> float:
    """Return the rate at a step: a straight warm-up, then half a cosine down to floor * lr.

    >>> phase = Phase("one", 10, lr=1.0, warmup=0.2, floor=0.0)
    >>> [round(learning_rate(phase, step), 2) for step in (0, 1, 2, 5, 9)]
    [0.5, 1.0, 0.96, 0.5, 0.0]
    """
    warm = round(phase.warmup * phase.steps)
    if step < warm:
        return phase.lr * (step + 1) / warm
    done = (step + 1 - warm) / max(1, phase.steps - warm)
    return phase.lr * (phase.floor + (1 - phase.floor) * (1 + math.cos(math.pi * done)) / 2)


def sequence_length(phase: Phase, step: int) -> int:
    """Return the length of the sequences at a step: each of `lengths` has its share of the steps.

    Source:
        design section 9, by share of the steps instead of by epoch: as printed, the fourth
        stretch begins at epoch 21 of 12 (T55)

    >>> phase = Phase("one", 20, 1e-3)
    >>> [sequence_length(phase, step) for step in (0, 4, 5, 10, 16, 19)]
    [64, 64, 128, 256, 512, 512]
    """
    shares = phase.shares
    if not shares:
        number = len(phase.lengths)
        shares = PRINTED_SHARES if number == 4 else (1 / number,) * number
    for length, end in zip(phase.lengths, accumulate(shares), strict=True):
        if step < round(end * phase.steps):
            return length
    return phase.lengths[-1]


def rows(phase: Phase, length: int) -> int:
    """Return how many sequences of a length make the batch of one step; at least one.

    >>> rows(Phase("one", 20, 1e-3, tokens=1024), 256)
    4
    """
    return max(1, phase.tokens // length)


def step_seed(*numbers: int) -> int:
    """Return a seed that depends on every one of the numbers, in 0..2^63 - 1.

    >>> step_seed(0, 1) != step_seed(1, 0)
    True
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Cost(NamedTuple):
    """What a training asks for.

    Units:
        flop: floating-point operations; per_parameter: tokens for each parameter
    """

    flop: float
    per_parameter: float

    def hours(self, flop_per_second: float) -> float:
        """How long it takes at a speed."""
        return self.flop / flop_per_second / 3600


def training_cost(parameters: float, tokens: float) -> Cost:
    """Return the cost of seeing `tokens` once each: 6 operations per parameter and token.

    The design plans 1 B parameters, 12 passes over 117 MB and 24 hours:

    >>> cost = training_cost(1e9, 12 * 117e6)
    >>> round(cost.hours(66e12)), round(cost.per_parameter, 1)
    (35, 1.4)

    Source:
        Kaplan et al. 2020; T54 (about 20 different tokens per parameter are usual, Hoffmann 2022)
    """
    return Cost(6.0 * parameters * tokens, tokens / parameters)
