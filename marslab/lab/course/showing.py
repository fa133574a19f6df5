"""Arguments and results as short texts, with numbers that can be followed by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

MOST = 24  # numbers of one tensor that are shown
WIDTH = 100  # columns of a line


def case(names: Sequence[str], args: Sequence[Any]) -> list[str]:
    """Return the lines that show the arguments of a case.

    >>> import torch
    >>> case(["a", "b"], [torch.tensor([[[0.5], [1.0]]]), torch.tensor([[[1.0], [0.0]]])])
    ['a = [0.5, 1.0], b = [1.0, 0.0]        (shape [1, 2, 1])']
    """
    plain, shaped = [], []
    for name, value in zip(names, args, strict=False):
        plain.append(f"{name} = {text(value)}")
        shaped.append(f"{plain[-1]} ({shape(value)})" if shape(value) else plain[-1])
    shapes = {shape(value) for value in args if isinstance(value, Tensor)}
    if len(shapes) == 1 and "" not in shapes:
        line = f"{', '.join(plain)}        ({shapes.pop()})"
    else:
        line = ", ".join(shaped)
    return [line] if len(line) <= WIDTH else shaped


def pair(got: Any, expected: Any) -> tuple[str, str]:
    """Return both results with as many digits as it takes to tell them apart.

    >>> pair(1.0, 1.00001)
    ('1.0', '1.00001')
    """
    digits = 4
    while digits < 17 and text(got, digits) == text(expected, digits):
        digits += 1
    return text(got, digits), text(expected, digits)


def text(value: Any, digits: int = 4) -> str:
    """Return a value as a short text; axes of length 1 are left out.

    >>> text(("ab", [1, 2.5]))
    "('ab', [1, 2.5])"
    """
    if isinstance(value, Tensor):
        return _tensor(value.detach().to_dense().cpu(), digits)
    if isinstance(value, np.ndarray):
        return _nested(value.tolist(), digits)
    if isinstance(value, bool | int | str | bytes) or value is None:
        return _short(repr(value))
    if isinstance(value, float | complex):
        return number(value, digits)
    if isinstance(value, tuple):
        return f"({', '.join(text(each, digits) for each in value)})"
    if isinstance(value, list):
        return f"[{', '.join(text(each, digits) for each in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {text(value[key], digits)}" for key in value) + "}"
    return getattr(value, "__name__", _short(repr(value)))


def shape(value: Any) -> str:
    """Return "shape [..]" of a tensor whose text does not show it, else nothing."""
    if (
        not isinstance(value, Tensor)
        or value.ndim == 0
        or not (value.ndim > 1 or not value.numel())
    ):
        return ""
    return f"shape {list(value.shape)}"


def head(printed: str) -> list[str]:
    """Return the first lines of what a function printed.

    >>> head("1 one\\n2 two\\n" * 5)
    ['1 one', '2 two', '1 one', '...']
    """
    found = [_short(line) for line in printed.splitlines()]
    return found if len(found) <= 4 else [*found[:3], "..."]


def number(value: float | complex, digits: int = 4) -> str:
    """Return a number with at most so many digits.

    >>> number(2.0), number(-0.0), number(1 / 3), number(1e-9)
    ('2.0', '0.0', '0.3333', '1e-09')
    """
    if isinstance(value, complex):
        return f"{value:.{digits}g}"
    told = f"{value + 0.0:.{digits}g}"
    return f"{told}.0" if told.lstrip("-").isdigit() else told


def _tensor(value: Tensor, digits: int) -> str:
    if value.numel() > MOST:
        told = _nested(value.flatten()[:MOST].tolist(), digits)
        return f"{told[:-1]}, ... {value.numel()} in all]"
    if value.ndim == 0:
        return _nested(value.item(), digits)
    return _nested(value.squeeze().reshape(_kept(value)).tolist(), digits)


def _kept(value: Tensor) -> list[int]:
    """The axes longer than 1, or the one element."""
    return [n for n in value.shape if n != 1] or [1]


def _nested(value: Any, digits: int) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(each, digits) for each in value)}]"
    return number(value, digits) if isinstance(value, float | complex) else repr(value)


def _short(told: str) -> str:
    return told if len(told) <= 80 else f"{told[:77]}..."
