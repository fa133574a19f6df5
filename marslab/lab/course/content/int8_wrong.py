"""Known wrong answers to the exercises of notebook 50, and what whoever gives one is told."""

from torch import Tensor

from marslab.lab.course.registry import Wrong


def rounded(x: Tensor, scale: float, zero: int, top: int) -> Tensor:
    """The nearest numbers that the levels 0 .. top stand for; without a gradient."""
    return (((x / scale).round() + zero).clamp(0, top) - zero) * scale


def _of(low: float, high: float, levels: int = 255) -> tuple[float, int]:
    scale = (high - low) / levels
    return scale, round(-low / scale)


def _held(low: float, high: float) -> tuple[float, float]:
    return min(low, 0.0), max(high, 0.0)


def _backwards(low: float, high: float) -> tuple[float, int]:
    scale, zero = _of(*_held(low, high))
    return scale, -zero


def _even(low: float, high: float) -> tuple[float, int]:
    return max(abs(low), abs(high)) / 127, 0


def _as_a_number(low: float, high: float) -> tuple[float, int]:
    low, high = _held(low, high)
    return (high - low) / 255, round(-low)


SCALE = (
    Wrong(
        "256 steps",
        lambda low, high: _of(*_held(low, high), levels=256),
        "when the range is cut into 256 steps: 256 levels have 255 steps between them.",
    ),
    Wrong(
        "a range without 0",
        lambda low, high: _of(low, high),
        "when the range is taken as it is: it must hold 0, or 0 has no level.",
    ),
    Wrong(
        "the same to both sides",
        _even,
        "when the levels reach as far below 0 as above it: that is for signed weights.",
    ),
    Wrong(
        "a number and no level",
        _as_a_number,
        "when the zero point is rounded before it is counted in steps: divide by the scale.",
    ),
    Wrong(
        "the wrong way from 0",
        _backwards,
        "when the zero point has the wrong sign: low is level 0, so the number 0 is above it.",
    ),
)

THROUGH = (
    Wrong(
        "stairs are flat",
        rounded,
        "Between the levels the gradient must be 1",
    ),
    Wrong(
        "also where it is cut off",
        lambda x, scale, zero, top: x + (rounded(x, scale, zero, top) - x).detach(),
        "Beyond the lowest and the highest level the gradient must be 0",
    ),
    Wrong(
        "levels and no numbers",
        lambda x, scale, zero, top: ((x / scale).round() + zero).clamp(0, top),
        "when the levels are returned: turn them into numbers again.",
    ),
    Wrong(
        "the zero point stays",
        lambda x, scale, zero, top: ((x / scale).round() + zero).clamp(0, top) * scale,
        "when the zero point is added and not taken off again.",
    ),
    Wrong(
        "nothing is cut off",
        lambda x, scale, zero, top: (x / scale).round() * scale,
        "when there are levels without end: they are 0 to top.",
    ),
    Wrong(
        "cut off before the zero point",
        lambda x, scale, zero, top: (x / scale).round().clamp(0, top) * scale,
        "when the levels begin at the number 0: add the zero point first, then cut off.",
    ),
)
