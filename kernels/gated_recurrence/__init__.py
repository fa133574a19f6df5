"""h[t] = z[t] * sigmoid(W h[t-1]) + gamma[t] * h[t-1]: a recurrence whose gate sees the state."""

from collections.abc import Callable
from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype, within
from marslab.kernels.gated_recurrence.newton import ConvergenceWarning

__all__ = ["ConvergenceWarning", "SolveInfo", "gated_recurrence"]
Sequential = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
BACKENDS = ("naive", "torch", "numba", "triton")
METHODS = ("sequential", "newton")
# The change and the residual below which an iteration ends, relative to max|h| of each row.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-6, torch.bfloat16: 1e-3, torch.float16: 1e-3}


class SolveInfo(NamedTuple):
    """How `gated_recurrence` came by its result.

    method: "sequential" or "newton", the one that produced h
    iterations: sweeps over the whole sequence, also those of an attempt given up; with
        method="sequential" asked for, the steps
    residual: max |h[t] - z[t] sigmoid(W h[t-1]) - gamma[t] h[t-1]| over max|h| after the last
        sweep, the largest over the rows; 0 with method="sequential" asked for
    converged: False if "newton" was asked for and gave up
    """

    method: str
    iterations: int
    residual: float
    converged: bool


def implementation(backend: str) -> Sequential:
    """The step by step solver of one backend: (z, W, gamma, h0) -> (h, state)."""
    if backend == "naive":
        from marslab.kernels.gated_recurrence import naive as module
    elif backend == "torch":
        from marslab.kernels.gated_recurrence import torch_ops as module
    elif backend == "numba":
        from marslab.kernels.gated_recurrence import cpu as module
    else:
        from marslab.kernels.gated_recurrence import gpu as module
    return module.gated_recurrence


@overload
def gated_recurrence(
    z: Tensor,
    W: Tensor,
    gamma: Tensor,
    h0: Tensor | None = None,
    *,
    method: str = "sequential",
    tol: float | None = None,
    max_iter: int = 200,
    return_info: Literal[False] = False,
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def gated_recurrence(
    z: Tensor,
    W: Tensor,
    gamma: Tensor,
    h0: Tensor | None = None,
    *,
    method: str = "sequential",
    tol: float | None = None,
    max_iter: int = 200,
    return_info: Literal[False] = False,
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
@overload
def gated_recurrence(
    z: Tensor,
    W: Tensor,
    gamma: Tensor,
    h0: Tensor | None = None,
    *,
    method: str = "sequential",
    tol: float | None = None,
    max_iter: int = 200,
    return_info: Literal[True],
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> tuple[Tensor, SolveInfo]: ...
@overload
def gated_recurrence(
    z: Tensor,
    W: Tensor,
    gamma: Tensor,
    h0: Tensor | None = None,
    *,
    method: str = "sequential",
    tol: float | None = None,
    max_iter: int = 200,
    return_info: Literal[True],
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor, SolveInfo]: ...
def gated_recurrence(
    z,
    W,
    gamma,
    h0=None,
    *,
    method="sequential",
    tol=None,
    max_iter=200,
    return_info=False,
    return_state=False,
    backend="auto",
):
    """Solve h[t] = z[t] * sigmoid(h[t-1] @ W.T) + gamma[t] * h[t-1] for every t.

    "sequential" takes step after step. "newton" guesses all steps at once and repairs them in
    sweeps, each one product with W and one `linear_scan`; its gradient is implicit, the solution
    of one linear system. Where the sweeps do not converge it warns and goes step by step.

    Shapes (B batch, L length, D width):
        z, gamma: [B, L, D]; W: [D, D]; gamma and W may be float32 beside a 16-bit `z`
        h0: [B, D], the state before the first step; zeros if None
        returns: h [B, L, D] in the dtype of `z`; with return_state=True then the last state
            [B, D], in float32 for 16- and 32-bit inputs; with return_info=True then a SolveInfo

    Units:
        gamma: the share of the state that a step keeps, in [0, 1]
        tol: relative to max|h| of each row; by default 1e-11 in float64, 2e-6 in float32, 1e-3
            in 16 bits. "sequential" looks at neither `tol` nor `max_iter`

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ; gamma outside [0, 1]; an unknown method; tol or
            max_iter not positive; or `backend` is named and cannot run here
        ConvergenceWarning: "newton" gave up after max_iter sweeps, forward or backward

    Source:
        The recurrence: MM-Rec, "core recurrence". The sweeps: Lim et al. 2023, "Parallelizing
        non-linear sequential models over the sequence length" (DEER); Gonzalez et al. 2024,
        "Towards scalable and stable parallelization of nonlinear RNNs" (ELK).

    >>> import torch
    >>> one = torch.ones(1, 3, 1)
    >>> gated_recurrence(one, torch.zeros(1, 1), one).flatten().tolist()
    [0.5, 1.0, 1.5]
    """
    _check(z, W, gamma, h0)
    _check_options(method, tol, max_iter)
    state = state_dtype(z.dtype)
    h0 = z.new_zeros((z.shape[0], z.shape[2]), dtype=state) if h0 is None else h0.to(state)
    name = choose("gated_recurrence", backend, z.device, BACKENDS)
    if method == "newton":
        from marslab.kernels.gated_recurrence import newton

        tol = TOLERANCE[z.dtype] if tol is None else float(tol)
        h, last, told = newton.gated_recurrence(z, W, gamma, h0, name, tol, max_iter)
        info = _info(told) if return_info else None
    else:
        h, last = implementation(name)(z, W, gamma, h0)
        info = SolveInfo("sequential", z.shape[1], 0.0, True)
    out = (h, *((last,) if return_state else ()), *((info,) if return_info else ()))
    return out if len(out) > 1 else h


def _info(told: Tensor) -> SolveInfo:
    iterations, residual, converged = told.tolist()
    method = "newton" if converged else "sequential"
    return SolveInfo(method, int(iterations), residual, bool(converged))


def _check(z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor | None) -> None:
    op = "gated_recurrence"
    is_tensor(op, "z", z)
    allowed = {z.dtype, state_dtype(z.dtype)}
    for name, x in (("W", W), ("gamma", gamma), ("h0", h0)):
        if name != "h0" or x is not None:
            is_tensor(op, name, x, only=allowed, because=f"beside z of {z.dtype}")
    shaped(op, "z", z, "[B, L, D]", (None, None, None))
    shaped(op, "W", W, "[D, D]", (z.shape[2], z.shape[2]))
    shaped(op, "gamma", gamma, "[B, L, D]", tuple(z.shape))
    if h0 is not None:
        shaped(op, "h0", h0, "[B, D]", (z.shape[0], z.shape[2]))
    on_one_device(op, z=z, W=W, gamma=gamma, h0=h0)
    within(op, "gamma", gamma, 0.0, 1.0, "in [0, 1]")


def _check_options(method: str, tol: float | None, max_iter: int) -> None:
    if method not in METHODS:
        raise ValueError(f"gated_recurrence: method must be one of {list(METHODS)}, got {method!r}")
    if tol is not None and not tol > 0:
        raise ValueError(f"gated_recurrence: tol must be above 0, got {tol}")
    if max_iter < 1:
        raise ValueError(f"gated_recurrence: max_iter must be at least 1, got {max_iter}")
