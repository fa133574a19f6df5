"""Exercises of 50_int8: which step and which zero, and a rounding that lends its gradient."""

from collections.abc import Callable

import torch
from torch import Tensor

from marslab.lab.course.content import int8_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "50_int8"
SCALE = recognised(*int8_wrong.SCALE)
THROUGH = recognised(*int8_wrong.THROUGH)
NEAR = 1e-6  # of the lowest or highest level: there the gradient may be either


def scale_and_zero(low: float, high: float) -> tuple[float, int]:
    """The distance of the levels 0 .. 255 for numbers from low to high, and the level of 0.

    Where the range does not hold 0, it is widened until it does, so that 0 has a level.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return scale, round(-low / scale)


def through(x: Tensor, scale: float, zero: int, top: int) -> Tensor:
    """The numbers that the levels 0 .. top stand for, nearest to x; with a gradient.

    It is 1 where x is between the lowest and the highest of them, 0 beyond.

    Shapes (n numbers): x: [n]; returns [n]
    """
    within = x.clamp(-zero * scale, (top - zero) * scale)
    return within + (int8_wrong.rounded(x, scale, zero, top) - within).detach()


def _around_zero(draw: Draw) -> tuple[float, float]:
    # No pair whose zero falls between two levels: there more than one rounding is right.
    return draw.choice((-1.0, -2.0, -0.5)), draw.choice((4.0, 3.0, 7.0))


def _above_zero(draw: Draw) -> tuple[float, float]:
    return draw.choice((1.0, 0.5, 2.0)), draw.choice((4.0, 3.0, 7.0))


def _below_zero(draw: Draw) -> tuple[float, float]:
    return draw.choice((-4.0, -3.0, -7.0)), draw.choice((-1.0, -0.5, -2.0))


def _numbers(draw: Draw) -> tuple[Tensor, float, int, int]:
    """Quarters, and steps of which no quarter is a half-way number."""
    x = draw.tensor(draw.size(5), low=-4, high=4)
    top = draw.choice((3, 7, 15))
    return x, draw.choice((0.35, 0.45, 0.55)), draw.choice((1, 0, 2, 3)), top


def _lends(answer: Callable[..., Tensor], x: Tensor, scale: float, zero: int, top: int) -> None:
    """Raise AssertionError with what is wrong with the gradient of an answer."""
    x = x.clone().requires_grad_()
    y = answer(x, scale, zero, top)
    if y.requires_grad:
        y.sum().backward()
    grad = torch.zeros_like(x) if x.grad is None else x.grad
    low, high = -zero * scale, (top - zero) * scale
    inside = (x > low + NEAR) & (x < high - NEAR)
    outside = (x < low - NEAR) | (x > high + NEAR)
    if (grad[inside] != 1).any():
        raise AssertionError(
            "Between the levels the gradient must be 1: stairs are flat, so pretend on the way "
            f"back that nothing was rounded. It is {grad.tolist()} at x = {x.tolist()}."
        )
    if (grad[outside] != 0).any():
        raise AssertionError(
            "Beyond the lowest and the highest level the gradient must be 0: a number that is cut "
            f"off may move and nothing changes. It is {grad.tolist()} at x = {x.tolist()}."
        )


EXERCISES = (
    Exercise(
        id="edge.1",
        name="scale_and_zero",
        notebook=NOTEBOOK,
        title="A step and a zero point",
        solution=scale_and_zero,
        checks=(
            Check("a range around 0", _around_zero, SCALE),
            Check("a range above 0", _above_zero, SCALE),
            Check("a range below 0", _below_zero, SCALE),
        ),
        hints=(
            "256 levels have 255 steps between them. First make sure that 0 is in the range.",
            "Level 0 stands for low. How many steps above it does the number 0 stand?",
            "low, high = min(low, 0.0), max(high, 0.0); scale = (high - low) / 255; "
            "return scale, round(-low / scale).",
        ),
        wrong=int8_wrong.SCALE,
    ),
    Exercise(
        id="edge.2",
        name="through",
        notebook=NOTEBOOK,
        title="A rounding that lets the gradient through",
        solution=through,
        checks=(
            Check("rounds to the levels", _numbers, THROUGH),
            Check("lends its gradient", _numbers, law=_lends),
        ),
        hints=(
            "Forward: divide by the step, round, add the zero point, keep it in 0 .. top, and go "
            "back: take the zero point off and multiply by the step.",
            "Backward: something + (rounded - something).detach() has the value of rounded and "
            "the gradient of something. Which something is flat beyond the levels?",
            "within = x.clamp(-zero * scale, (top - zero) * scale); q = ((x / scale).round() + "
            "zero).clamp(0, top); return within + ((q - zero) * scale - within).detach().",
        ),
        wrong=int8_wrong.THROUGH,
    ),
)
