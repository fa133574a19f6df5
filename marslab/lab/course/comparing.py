"""Whether two results are the same, and if not, in what they differ."""

from collections.abc import Mapping
from math import isfinite
from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Difference(NamedTuple):
    """In what a result is not the expected one."""

    kind: str  # "type", "length", "shape", "dtype", "nan" or "value"
    sentence: str  # empty for a value: the two results say it all


def difference(got: Any, expected: Any, tolerance: float = 0.0) -> Difference | None:
    """Return in what `got` differs from `expected`, or None.

    >>> difference(torch.tensor([1.0]), torch.tensor([[1.0]])).sentence
    'It has shape [1], expected [1, 1].'
    >>> difference((1.0, 2.0), (1.0, 2.0 + 1e-9), tolerance=1e-6) is None
    True
    """
    return _difference(got, expected, tolerance, "It")


def _difference(got: Any, expected: Any, tolerance: float, it: str) -> Difference | None:
    if isinstance(expected, Tensor):
        return _tensors(got, expected, tolerance, it)
    if isinstance(expected, np.ndarray):
        return _arrays(got, expected, tolerance, it)
    if isinstance(expected, Number | np.generic):
        return _numbers(got, expected, tolerance, it)
    if isinstance(expected, list | tuple):
        return _sequences(got, expected, tolerance, it)
    if isinstance(expected, Mapping):
        return _mappings(got, expected, tolerance, it)
    if type(got) is not type(expected):
        return _type(got, kind_of(expected), it)
    return None if got == expected else Difference("value", "")


def _type(got: Any, wanted: str, it: str) -> Difference:
    return Difference("type", f"{it} is {kind_of(got)}, expected {wanted}.")


def _tensors(got: Any, expected: Tensor, tolerance: float, it: str) -> Difference | None:
    if not isinstance(got, Tensor):
        return _type(got, "a tensor", it)
    got, expected = got.detach().cpu(), expected.detach().cpu()
    if got.shape != expected.shape:
        told = f"{it} has shape {list(got.shape)}, expected {list(expected.shape)}."
        return Difference("shape", told)
    if got.layout != expected.layout:
        told = f"{it} is a sparse tensor, expected a dense one: use its to_dense()."
        return Difference("type", told)
    if got.dtype != expected.dtype:
        return Difference("dtype", _dtypes(got.dtype, expected.dtype, it))
    if not expected.dtype.is_floating_point and not expected.dtype.is_complex:
        same = got == expected
    else:
        if (got.isnan() & ~expected.isnan()).any():
            return Difference("nan", f"{it} has NaN where a number is expected.")
        same = _close(got, expected, tolerance)
    return None if bool(same.all()) else Difference("value", _where(same, it))


def _close(got: Tensor, expected: Tensor, tolerance: float) -> Tensor:
    near = (got - expected).abs() <= tolerance * expected.abs().clamp(min=1.0)
    return (near & expected.isfinite()) | (got == expected) | (got.isnan() & expected.isnan())


def _where(same: Tensor, it: str) -> str:
    """Where two long results differ first; short ones show it themselves."""
    if same.numel() <= 12:
        return ""
    place = (~same).nonzero()[0].tolist()
    wrong = int((~same).sum())
    return f"{it} is wrong at {wrong} of {same.numel()} places, first at {place}."


def _dtypes(got: torch.dtype, expected: torch.dtype, it: str) -> str:
    names = [str(dtype).removeprefix("torch.") for dtype in (got, expected)]
    told = f"{it} has dtype {names[0]}, expected {names[1]}"
    if got.is_floating_point and expected.is_floating_point:
        told += (
            " as the arguments have: make new tensors with their dtype, as torch.zeros_like does"
        )
    return f"{told}."


def _arrays(got: Any, expected: np.ndarray, tolerance: float, it: str) -> Difference | None:
    if not isinstance(got, np.ndarray):
        return _type(got, "a NumPy array", it)
    if got.dtype != expected.dtype:
        return Difference("dtype", f"{it} has dtype {got.dtype}, expected {expected.dtype}.")
    return _tensors(torch.from_numpy(got), torch.from_numpy(expected), tolerance, it)


def _numbers(got: Any, expected: Any, tolerance: float, it: str) -> Difference | None:
    if isinstance(got, Tensor | np.ndarray | np.generic) and np.prod(got.shape) == 1:
        got = got.item()  # a tensor with one number is a number
    expected = expected.item() if isinstance(expected, np.generic) else expected
    if isinstance(got, bool) != isinstance(expected, bool) or not isinstance(got, Number):
        return _type(got, kind_of(expected), it)
    if got != got and expected == expected:
        return Difference("nan", f"{it} is NaN, expected a number.")
    same = got == expected or (got != got and expected != expected)
    if not same and not isinstance(expected, int) and isfinite(abs(expected)):
        same = abs(got - expected) <= tolerance * max(1.0, abs(expected))
    return None if same else Difference("value", "")


def _sequences(got: Any, expected: Any, tolerance: float, it: str) -> Difference | None:
    if not isinstance(got, list | tuple):
        return _type(got, f"{len(expected)} results", it)
    if len(got) != len(expected):
        return Difference("length", f"{it} has {len(got)} parts, expected {len(expected)}.")
    where = "Part" if it == "It" else f"{it}, part"
    for i, (one, other) in enumerate(zip(got, expected, strict=True), 1):
        if found := _difference(one, other, tolerance, f"{where} {i}"):
            return found
    return None


def _mappings(got: Any, expected: Any, tolerance: float, it: str) -> Difference | None:
    if not isinstance(got, Mapping):
        return _type(got, "a dict", it)
    if got.keys() != expected.keys():
        told = f"{it} has the keys {sorted(map(str, got))}, expected {sorted(map(str, expected))}."
        return Difference("length", told)
    for key in expected:
        where = f"Entry {key!r}" if it == "It" else f"{it}, entry {key!r}"
        if found := _difference(got[key], expected[key], tolerance, where):
            return found
    return None


def kind_of(value: Any) -> str:
    """Return what a value is, in words.

    >>> kind_of([1.0, 2.0]), kind_of(torch.ones(2, 3)), kind_of(1)
    ('a list', 'a tensor of shape [2, 3]', 'an int')
    """
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {list(value.shape)}"
    name = type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
