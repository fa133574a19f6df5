"""Exercises of 34_integral_auditor: the way that is left, the exponent, and a second law."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from marslab.lab.course.content import audit_wrong
from marslab.lab.course.content.mistakes import recognised
from marslab.lab.course.drawing import Draw
from marslab.lab.course.registry import Check, Exercise

NOTEBOOK = "34_integral_auditor"
EXPONENT = recognised(*audit_wrong.EXPONENT)
REST = recognised(*audit_wrong.REST)
MISSES = recognised(*audit_wrong.MISSES)


def exponent(f: Tensor, start: int) -> float:
    """The p of f = C t^-p, by least squares on the logarithms.

    Shapes (T steps): f: [T], above 0; the first is step `start` of the thought, from 1
    """
    x = torch.arange(start, start + len(f), dtype=f.dtype).log()
    dx, dy = x - x.mean(), f.log() - f.log().mean()
    return -((dx * dy).sum() / dx.square().sum()).item()


def still_to_go(p: float, n: float) -> float:
    """How far a thought with steps t^-p still goes after time n: the integral from n on.

    Units: in first steps; n is 1 or more; infinite where the integral diverges
    """
    return n ** (1 - p) / (p - 1) if p > 1 else math.inf


def misses(f: Tensor) -> tuple[float, float]:
    """By how much the two best laws miss ln f: C t^-p first, then c q^t.

    Shapes (T steps): f: [T], above 0, at t = 1, 2, ...; returns two sums of squared residuals
    """
    t, y = torch.arange(1, len(f) + 1, dtype=f.dtype), f.log()
    return audit_wrong.missed(t.log(), y), audit_wrong.missed(t, y)


def _power(draw: Draw, start: int) -> tuple[Tensor, int]:
    p, scale = draw.choice((2.0, 1.0, 0.5)), draw.choice((2.0, 0.5))
    t = torch.arange(start, start + draw.size(5, low=3), dtype=torch.float64)
    return scale * t**-p, start


def _uneven(draw: Draw) -> Tensor:
    return draw.tensor(draw.size(6, low=4), low=0.25, high=2)


def _ways(*exponents: float) -> Callable:
    return lambda draw: (draw.choice(exponents), draw.choice((4.0, 9.0, 100.0)))


def _one_law(geometric: bool) -> Callable:
    def cases(draw: Draw) -> tuple:
        t = torch.arange(1, 1 + draw.size(6, low=4), dtype=torch.float64)
        scale = draw.choice((2.0, 0.5))
        return (scale * (draw.choice((0.5, 0.75)) ** t if geometric else 1 / t),)

    return cases


EXERCISES = (
    Exercise(
        id="audit.1",
        name="still_to_go",
        notebook=NOTEBOOK,
        title="How far a thought still goes",
        solution=still_to_go,
        checks=(
            Check("a thought that ends", _ways(2.0, 1.5, 1.25), REST),
            Check("a thought that never ends", _ways(0.5, 0.75), REST),
            Check("the border", _ways(1.0), REST),
        ),
        hints=(
            "Integrate t^-p from n to infinity. For which p is the upper end 0?",
            "The antiderivative of t^-p is t^(1-p) / (1-p). At infinity it is 0 if p is above 1.",
            "n ** (1 - p) / (p - 1) if p > 1, else math.inf.",
        ),
        wrong=audit_wrong.REST,
    ),
    Exercise(
        id="audit.2",
        name="exponent",
        notebook=NOTEBOOK,
        title="The exponent of a thought, at any time",
        solution=exponent,
        checks=(
            Check("an exact power law", lambda draw: _power(draw, 1), EXPONENT),
            Check(
                "a window keeps the time that its steps had",
                lambda draw: _power(draw, draw.choice((5, 2, 20))),
                EXPONENT,
            ),
            Check("steps that follow no law", lambda draw: (_uneven(draw), 1), EXPONENT),
        ),
        hints=(
            "On logarithms the law is a straight line: ln f = ln C - p ln t. Its slope is the "
            "covariance of ln t and ln f divided by the variance of ln t.",
            "t of the first step is `start`, not 1. Take each logarithm minus its own mean.",
            "x = torch.arange(start, start + len(f)).log(), dx and dy are x and f.log() minus "
            "their means, and p is -(dx * dy).sum() / (dx * dx).sum().",
        ),
        wrong=audit_wrong.EXPONENT,
    ),
    Exercise(
        id="audit.3",
        name="misses",
        notebook=NOTEBOOK,
        title="Two laws for the same steps",
        solution=misses,
        checks=(
            Check("a power of t", _one_law(geometric=False), MISSES),
            Check("a constant factor", _one_law(geometric=True), MISSES),
            Check("neither of the two", lambda draw: (_uneven(draw),), MISSES),
        ),
        hints=(
            "Both laws are straight lines in ln f. One runs along ln t, the other along t itself.",
            "For each: the slope by least squares, then what the line leaves over of ln f, "
            "squared and added up. Taking means away first saves the intercept.",
            "With dx and dy the centred x and ln f: r = dy - (dx * dy).sum() / (dx * dx).sum() * "
            "dx, and the miss is (r * r).sum(). Once with x = t.log(), once with x = t.",
        ),
        wrong=audit_wrong.MISSES,
    ),
)
