"""Exercises of 05_min_gru: a gate, MinGRU as a scan, and the gate that a memory needs."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from marslab.lab.course.content import gru_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "05_min_gru"
STEP, SCAN, LOGIT = (
    recognised(*known) for known in (gru_wrong.STEP, gru_wrong.SCAN, gru_wrong.LOGIT)
)


def min_gru_step(h: Tensor, z: Tensor, new: Tensor) -> Tensor:
    """The memory after one step of MinGRU.

    Shapes (D channels): h memory before, z logit of the gate, new value: [D] each; returns [D]
    """
    gate = torch.sigmoid(z)
    return (1 - gate) * h + gate * new


def decays_and_inputs(z: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
    """MinGRU as h[t] = a[t] h[t-1] + b[t]: its decays a and its inputs b.

    Shapes (L steps): z logits of the gates, new values: [L] each; returns a [L], b [L]
    """
    return torch.sigmoid(-z), torch.sigmoid(z) * new


def logit_for(half_life: float) -> float:
    """The logit of the gate that leaves half of a memory after `half_life` steps.

    Units: half_life in steps, above 0; a logit is log(g / (1 - g)) of a gate g and has no unit
    """
    kept = 0.5 ** (1 / half_life)  # by one step
    return math.log((1 - kept) / kept)


def _left_after(args: tuple, got: Any, expected: float) -> str:
    """What a gate of that logit leaves, and which mistake that is."""
    (half_life,) = args
    kept = torch.sigmoid(-torch.as_tensor(got, dtype=torch.float64)).item()
    left = f"Your gate leaves {kept**half_life:.4g} of a memory after {half_life:g} steps."
    return f"{left} {LOGIT(args, got, expected)}".rstrip()


def _half_open(draw: Draw) -> tuple:
    h, new = draw.tensor(1, low=1, high=3), draw.tensor(1, low=1, high=3)
    return h, torch.zeros_like(h), new


def _some_step(draw: Draw) -> tuple:
    D = draw.size(3)
    h, z = draw.tensor(D, low=1, high=3), draw.tensor(D, low=-3, high=3)
    return h, z, draw.tensor(D, low=-2, high=-1)


def _open_or_shut(draw: Draw) -> tuple:
    h, z, new = _some_step(draw)
    return h, torch.where(z > 0, 800.0, -800.0).to(z), new


def _half_open_steps(draw: Draw) -> tuple:
    L = draw.size(3)
    return torch.zeros(L, dtype=torch.float64), draw.tensor(L, low=1.5)


def _some_steps(draw: Draw) -> tuple:
    L = draw.size(4)
    return draw.tensor(L, low=-3, high=3), draw.tensor(L, low=1.5)


def _wide_open(draw: Draw) -> tuple:
    logit = float(draw.integer(40, 300))
    return torch.tensor([logit], dtype=torch.float64), torch.ones(1, dtype=torch.float64)


def _keeps_digits(answer: Callable, z: Tensor, new: Tensor) -> None:
    got, right = answer(z, new)[0].item(), torch.sigmoid(-z).item()
    assert abs(got - right) <= 1e-9 * right, (
        f"At a logit of {z.item():g} the decay is {right:.3g}, yours is {got:.3g}. "
        f"{gru_wrong.ONE_MINUS_THE_GATE.told}"
    )


def _steps(*options: float) -> Callable:
    return lambda draw: (draw.choice(options),)


EXERCISES = (
    Exercise(
        id="gru.1",
        name="min_gru_step",
        notebook=NOTEBOOK,
        title="One step of MinGRU, from the logit of its gate",
        solution=min_gru_step,
        checks=(
            Check("a logit of 0 goes half way", _half_open, STEP),
            Check("the gate moves the memory its share of the way", _some_step, STEP),
            Check("a gate can be wide open, or shut", _open_or_shut, STEP),
        ),
        hints=(
            "z is any number. Which function makes a share between 0 and 1 of it?",
            "With g that share: how much of the new value comes in, and how much of the old "
            "memory stays, so that both together make 1?",
            "g = torch.sigmoid(z), and the new memory is (1 - g) times h plus g times new.",
        ),
        wrong=gru_wrong.STEP,
    ),
    Exercise(
        id="gru.2",
        name="decays_and_inputs",
        notebook=NOTEBOOK,
        title="MinGRU as the decays and inputs of a linear scan",
        solution=decays_and_inputs,
        checks=(
            Check("an open gate is two halves", _half_open_steps, SCAN),
            Check("the gate lets in, the rest stays", _some_steps, SCAN),
            Check("a small decay keeps its digits", _wide_open, law=_keeps_digits),
        ),
        hints=(
            "Write h[t] = (1 - g) h[t-1] + g new and h[t] = a h[t-1] + b below each other.",
            "a is what stands before h[t-1], b is all the rest. Both come from z and new alone.",
            "b is torch.sigmoid(z) * new. For a use sigmoid(-x) = 1 - sigmoid(x), the side "
            "without the subtraction.",
        ),
        wrong=(*gru_wrong.SCAN, gru_wrong.ONE_MINUS_THE_GATE),
    ),
    Exercise(
        id="gru.3",
        name="logit_for",
        notebook=NOTEBOOK,
        title="The logit that gives a memory its half-life",
        solution=logit_for,
        checks=(
            Check(
                "a half is left after so many steps",
                _steps(10, 2, 5, 100),
                _left_after,
                tolerance=1e-4,
            ),
            Check("a half-life of one step or less", _steps(1.0, 0.5, 0.25), _left_after),
            Check("long memories", _steps(100_000, 1000, 10_000), _left_after),
        ),
        hints=(
            "One step keeps 1 - g. What do n steps in a row keep? Set that to a half.",
            "(1 - g) to the power n is 1/2. Solve for g, then take the logit of g.",
            "One step keeps k = 0.5 ** (1 / n). The gate is 1 - k, and its logit log((1 - k) / k).",
        ),
        wrong=gru_wrong.LOGIT,
    ),
)
