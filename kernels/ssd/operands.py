"""Sentences for bad input to `ssd` and `ssd_quadratic`, and the operands that may be left out."""

import math

import torch
from torch import Tensor

from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype, within


def check(
    op: str,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    h0: Tensor | None,
) -> None:
    """Raise TypeError or ValueError unless the operands fit together and lie in their domains."""
    is_tensor(op, "x", x)
    beside = f"beside x of {x.dtype}"
    wide = {x.dtype, state_dtype(x.dtype)}
    for name, given, allowed in (
        ("dt", dt, wide), ("A", A, wide), ("B", B, {x.dtype}), ("C", C, {x.dtype}),
        ("D", D, wide), ("h0", h0, wide),
    ):  # fmt: skip
        if given is not None or name not in ("D", "h0"):
            is_tensor(op, name, given, only=allowed, because=beside)
    _check_shapes(op, x, dt, A, B, C, D, h0)
    on_one_device(op, x=x, dt=dt, A=A, B=B, C=C, D=D, h0=h0)
    within(op, "dt", dt, 0.0, torch.finfo(dt.dtype).max, "in [0, inf)")
    within(op, "A", A, -math.inf, 0.0, "in [-inf, 0]")


def _check_shapes(
    op: str,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    h0: Tensor | None,
) -> None:
    shaped(op, "x", x, "[B, L, H, P]", (None,) * 4)
    rows, length, H, P = x.shape
    shaped(op, "dt", dt, "[B, L, H]", (rows, length, H))
    shaped(op, "A", A, "[H]", (H,))
    shaped(op, "B", B, "[B, L, G, N]", (None,) * 4)
    G, N = B.shape[2:]
    if G == 0 or H % G:
        raise ValueError(f"{op}: G of B [B, L, G, N] must divide the {H} heads of x, got G = {G}")
    shaped(op, "B", B, "[B, L, G, N]", (rows, length, G, N))
    shaped(op, "C", C, "[B, L, G, N]", (rows, length, G, N))
    if D is not None:
        shaped(op, "D", D, "[H]", (H,))
    if h0 is not None:
        shaped(op, "h0", h0, "[B, H, P, N]", (rows, H, P, N))


def filled(
    x: Tensor, B: Tensor, D: Tensor | None, h0: Tensor | None, backend: str = "torch"
) -> tuple[Tensor, Tensor]:
    """D [H], and h0 [B, H, P, N] in the dtype of the state: zeros where they were left out.

    For Triton a D left out is one of no heads, and no launch to fill it.
    """
    rows, _, H, P = x.shape
    state = state_dtype(x.dtype)
    D = x.new_zeros((0 if backend == "triton" else H,), dtype=state) if D is None else D
    h0 = x.new_zeros((rows, H, P, B.shape[3]), dtype=state) if h0 is None else h0.to(state)
    return D, h0
