"""Known wrong answers to the exercises of notebook 05, and what whoever gives one is told."""

import math

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong


def _gate_keeps(h: Tensor, z: Tensor, new: Tensor) -> Tensor:
    gate = torch.sigmoid(z)
    return gate * h + (1 - gate) * new


def _overflows(h: Tensor, z: Tensor, new: Tensor) -> Tensor:
    gate = z.exp() / (1 + z.exp())
    return (1 - gate) * h + gate * new


def _logit_of(gate: float) -> float:
    return math.log(gate / (1 - gate))


STEP = (
    Wrong(
        "the logit as the gate",
        lambda h, z, new: (1 - z) * h + z * new,
        "when the logit z itself is the gate: a gate is sigmoid(z), between 0 and 1.",
    ),
    Wrong(
        "the gate keeps",
        _gate_keeps,
        "when the gate says what stays, as z does in torch's GRU: here it says how far the memory "
        "moves to the new value.",
    ),
    Wrong(
        "nothing is let go",
        lambda h, z, new: h + torch.sigmoid(z) * new,
        "when all of the old memory stays: only the share 1 - g of it does.",
    ),
    Wrong(
        "a sigmoid that overflows",
        _overflows,
        "when the gate is exp(z) / (1 + exp(z)): exp(800) is infinite, and infinite / infinite is "
        "not a number. torch.sigmoid knows about that.",
    ),
)

SCAN = (
    Wrong(
        "shares swapped",
        lambda z, new: (torch.sigmoid(z), torch.sigmoid(-z) * new),
        "when the two shares are swapped: the gate weighs the new value, and what it leaves of 1 "
        "is the decay.",
    ),
    Wrong(
        "the gate forgotten in b",
        lambda z, new: (torch.sigmoid(-z), new.clone()),
        "when the new value comes in whole: b is the share of it that the gate lets in.",
    ),
    Wrong(
        "b before a",
        lambda z, new: (torch.sigmoid(z) * new, torch.sigmoid(-z)),
        "when b is returned before a: the decays come first.",
    ),
)

ONE_MINUS_THE_GATE = Wrong(
    "one minus the gate",
    lambda z, new: (1 - torch.sigmoid(z), torch.sigmoid(z) * new),
    "1 - sigmoid(z) subtracts two numbers that are nearly equal, and the digits in which they "
    "differ are lost.",
)

LOGIT = (
    Wrong(
        "the time constant",
        lambda n: _logit_of(1 / n),
        "when the gate is 1 / half_life: so many steps are its time constant, after which about "
        "1/e is left, not a half.",
    ),
    Wrong(
        "equal parts",
        lambda n: _logit_of(0.5 / n),
        "when the half is lost in equal parts: each step takes its share of what is left by then.",
    ),
    Wrong(
        "log 2 over n",
        lambda n: _logit_of(math.log(2) / n),
        "when the gate is log(2) / half_life: that is nearly right for small gates, and only "
        "for them.",
    ),
    Wrong(
        "float32",
        lambda n: torch.logit(1 - torch.tensor(0.5) ** (1 / n)).item(),
        "when the gate is computed in float32: a share near 1 has few digits left for what it "
        "lacks to 1. Plain Python numbers have twice as many.",
    ),
    Wrong(
        "at most a half",
        lambda n: _logit_of(min(0.5, 1 - 0.5 ** (1 / n))),
        "when the gate is kept at a half or below: a half-life below one step needs a wider one.",
    ),
    Wrong(
        "the gate",
        lambda n: 1 - 0.5 ** (1 / n),
        "when the gate is returned: its logit is wanted, log(g / (1 - g)).",
    ),
    Wrong(
        "the share that stays",
        lambda n: _logit_of(0.5 ** (1 / n)),
        "when the logit is that of the share which one step keeps: the gate is what it does "
        "not keep.",
    ),
)
