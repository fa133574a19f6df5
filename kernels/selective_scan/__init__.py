"""A state space layer whose step, input and output gates follow the input: Mamba-1's S6."""

from typing import Literal, overload

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype, within
from marslab.kernels.selective_scan import naive, torch_ops

BACKENDS = ("naive", "torch", "numba", "triton")
DISCRETISATIONS = ("zoh", "euler")
# Rates below this count as this: every decay is 0 all the same, and no gradient is 0 * inf.
LEAST_RATE = -1e30


@overload
def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    discretisation: str = "zoh",
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    discretisation: str = "zoh",
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
def selective_scan(
    x,
    dt,
    A,
    B,
    C,
    D=None,
    h0=None,
    *,
    discretisation="zoh",
    return_state=False,
    backend="auto",
):
    """Run dh/dt = A h + B x, y = C h + D x, with a step, a B and a C of its own at each t.

    Each channel d has N states. With dA = exp(dt A):

        h[t] = dA[t] h[t-1] + dB[t] x[t]        y[t] = sum over n of C[t] h[t], plus D x[t]
        "zoh": dB = (dA - 1) / A * B, exact while x and B hold still; dt B in the limit A = 0
        "euler": dB = dt B, Mamba's own choice

    Shapes (B batch, L length, D width, N state):
        x, dt: [B, L, D]; A: [D, N]; B, C: [B, L, N]; D: [D], zeros if None
        h0: [B, D, N], the state before the first step; zeros if None
        returns: y [B, L, D] in the dtype of `x`; with return_state=True also the last state
            [B, D, N], in float32 for 16- and 32-bit inputs, in the dtype of `x` otherwise
        dt, A and D may be float32 beside a 16-bit `x`

    Units:
        dt: time, in [0, inf), already positive (softplus is the caller's); 0 holds the state
        A: 1 / time, in [-inf, 0]; -inf forgets the past at any dt above 1e-28

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ, dt or A outside its domain, an unknown
            discretisation, or `backend` is named and cannot run here

    Source:
        Gu & Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces", 3.2.

    >>> import math, torch
    >>> one = torch.ones(1, 3, 1)
    >>> y = selective_scan(one, math.log(2) * one, torch.tensor([[-1.0]]), one, one)
    >>> [round(v, 3) for v in y.flatten().tolist()]
    [0.5, 0.75, 0.875]
    """
    _check(x, dt, A, B, C, D, h0)
    _check_values(dt, A, discretisation)
    state = state_dtype(x.dtype)
    A = A.to(state).clamp_min(LEAST_RATE)
    D = x.new_zeros(x.shape[2:], dtype=state) if D is None else D.to(state)
    if h0 is None:
        h0 = x.new_zeros((x.shape[0], *A.shape), dtype=state)
    scan = implementation(choose("selective_scan", backend, x.device, BACKENDS))
    y, last = scan(x, dt, A, B, C, D, h0.to(state), discretisation == "zoh")
    return (y, last) if return_state else y


def implementation(backend: str):
    """The op of one backend: (x, dt, A, B, C, D, h0, zoh) -> (y, state). Loaded on first use."""
    if backend == "naive":
        return naive.selective_scan
    if backend == "torch":
        return torch_ops.selective_scan
    if backend == "numba":
        from marslab.kernels.selective_scan import cpu as module
    else:
        from marslab.kernels.selective_scan import gpu as module
    return module.selective_scan


def _check(x, dt, A, B, C, D, h0) -> None:
    op = "selective_scan"
    is_tensor(op, "x", x)
    shaped(op, "x", x, "[B, L, D]", (None, None, None))
    same, also = {x.dtype}, {x.dtype, state_dtype(x.dtype)}
    beside = f"beside x of {x.dtype}"
    for name, value, only in (("dt", dt, also), ("A", A, also), ("B", B, same), ("C", C, same)):
        is_tensor(op, name, value, only=only, because=beside)
    shaped(op, "dt", dt, "[B, L, D]", tuple(x.shape))
    shaped(op, "A", A, "[D, N] with D that of x", (x.shape[2], None))
    N = A.shape[1]
    for name, value in (("B", B), ("C", C)):
        shaped(op, name, value, "[B, L, N]", (*x.shape[:2], N))
    for name, value, letters, sizes in (
        ("D", D, "[D]", (x.shape[2],)),
        ("h0", h0, "[B, D, N]", (x.shape[0], *A.shape)),
    ):
        if value is not None:
            is_tensor(op, name, value, only=also, because=beside)
            shaped(op, name, value, letters, sizes)
    on_one_device(op, x=x, dt=dt, A=A, B=B, C=C, D=D, h0=h0)


def _check_values(dt: Tensor, A: Tensor, discretisation: str) -> None:
    within("selective_scan", "dt", dt, 0.0, torch.finfo(dt.dtype).max, "in [0, inf)")
    within("selective_scan", "A", A, -torch.inf, 0.0, "in [-inf, 0]")
    if discretisation not in DISCRETISATIONS:
        raise ValueError(
            f"selective_scan: discretisation must be 'zoh' or 'euler', got {discretisation!r}"
        )
