"""Recognise a typical mistake by making it: nothing is said unless the result is exactly that."""

from collections.abc import Callable
from numbers import Number
from typing import Any

import torch
from torch import Tensor

from marslab.lab.course.registry import Wrong

CLOSE = 1e-9


def recognised(*known: Wrong) -> Callable[[tuple, Any, Any], str]:
    """Return a `tell` that names each known wrong answer which gives the learner's result.

    The `told` of each ends the sentence "Your result is what comes out ...". Two mistakes may
    agree on one case, so all that fit are named.

    >>> double = Wrong("twice", lambda x: 2 * x, "when x is counted twice.")
    >>> tell = recognised(double)
    >>> tell((torch.ones(1),), torch.tensor([2.0]), torch.tensor([1.0]))
    'Your result is what comes out when x is counted twice.'
    >>> tell((torch.ones(1),), torch.tensor([3.0]), torch.tensor([1.0]))
    ''
    """

    def tell(args: tuple, got: Any, expected: Any) -> str:
        if _same(got, expected):  # only the dtype differs: no mistake made these numbers
            return ""
        fits = [wrong.told for wrong in known if _same(_made(wrong, args), got)]
        return " ".join(
            f"{'It is also' if at else 'Your result is'} what comes out {told}"
            for at, told in enumerate(dict.fromkeys(fits))
        )

    return tell


def _made(wrong: Wrong, args: tuple) -> Any:
    """What the wrong answer gives, None where it cannot run at all."""
    fresh = [x.clone() if isinstance(x, Tensor) else x for x in args]
    try:
        return wrong.answer(*fresh)
    except (RuntimeError, IndexError, ValueError, ArithmeticError):
        return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if not all(isinstance(each, Tensor | Number) for each in (one, other)):
        return False
    one, other = (torch.as_tensor(each, dtype=torch.float64) for each in (one, other))
    return one.shape == other.shape and torch.allclose(
        one, other, rtol=0, atol=CLOSE, equal_nan=True
    )
