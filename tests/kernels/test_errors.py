"""Bad input to linear_scan: one sentence that names the argument, what came and what is needed."""

import re
from typing import Any

import pytest
import torch

from marslab.kernels import linear_scan

A = torch.ones(2, 3, 4)
H0 = torch.ones(2, 4)
FLOATS = "bfloat16 or complex128 or complex64 or float16 or float32 or float64"

TYPES: dict[str, tuple[tuple[Any, ...], str]] = {
    "a list for b": ((A, [1.0]), "b must be a torch.Tensor, got list"),
    "a list for a": (([1.0], A), "a must be a torch.Tensor, got list"),
    "a number for h0": ((A, A, 0.0), "h0 must be a torch.Tensor, got float"),
    "nothing for b": ((A, None), "b must be a torch.Tensor, got NoneType"),
    "integers": ((A, A.long()), f"b must be {FLOATS}, got int64"),
    "booleans": ((A, A > 0), f"b must be {FLOATS}, got bool"),
    "a wider a": ((A.double(), A), "a must be float32 beside b of torch.float32, got float64"),
    "a narrower a": (
        (A.bfloat16(), A),
        "a must be float32 beside b of torch.float32, got bfloat16",
    ),
    "the wrong 16 bits": (
        (A.half(), A.bfloat16()),
        "a must be bfloat16 or float32 beside b of torch.bfloat16, got float16",
    ),
    "a complex a": (
        (A.to(torch.complex64), A),
        "a must be float32 beside b of torch.float32, got complex64",
    ),
    "a real a beside a complex b": (
        (A, A.to(torch.complex64)),
        "a must be complex64 beside b of torch.complex64, got float32",
    ),
    "an integer h0": (
        (A, A, H0.long()),
        "h0 must be float32 beside b of torch.float32, got int64",
    ),
    "a wider h0": (
        (A, A, H0.double()),
        "h0 must be float32 beside b of torch.float32, got float64",
    ),
}

VALUES: dict[str, tuple[tuple[Any, ...], str]] = {
    "b of rank 2": ((A, A[0]), "b must be [B, L, D], got [3, 4]"),
    "b of rank 4": ((A, A[None]), "b must be [B, L, D], got [1, 2, 3, 4]"),
    "a number for b": ((A, torch.tensor(1.0)), "b must be [B, L, D], got []"),
    "another L": ((A[:, :2], A), "a must be [B, L, D] = [2, 3, 4], got [2, 2, 4]"),
    "another D": ((A[..., :1], A), "a must be [B, L, D] = [2, 3, 4], got [2, 3, 1]"),
    "a of rank 2": ((A[0], A), "a must be [B, L, D] = [2, 3, 4], got [3, 4]"),
    "h0 of rank 1": ((A, A, H0[0]), "h0 must be [B, D] = [2, 4], got [4]"),
    "h0 of another B": ((A, A, H0[:1]), "h0 must be [B, D] = [2, 4], got [1, 4]"),
    "a elsewhere": (
        (A.to("meta"), A),
        "all tensors must be on one device, got a on meta, b on cpu",
    ),
    "h0 elsewhere": (
        (A, A, H0.to("meta")),
        "all tensors must be on one device, got a on cpu, b on cpu, h0 on meta",
    ),
}


@pytest.mark.parametrize("case", TYPES)
def test_a_wrong_type_is_named(case: str) -> None:
    args, sentence = TYPES[case]
    with pytest.raises(TypeError, match=f"^linear_scan: {re.escape(sentence)}$"):
        linear_scan(*args)


@pytest.mark.parametrize("case", VALUES)
def test_a_wrong_shape_or_place_is_named(case: str) -> None:
    args, sentence = VALUES[case]
    with pytest.raises(ValueError, match=f"^linear_scan: {re.escape(sentence)}$"):
        linear_scan(*args)


def test_options_are_named_not_counted() -> None:
    with pytest.raises(TypeError, match="positional"):
        linear_scan(A, A, H0, True)  # type: ignore[call-overload]  # pyright: ignore
