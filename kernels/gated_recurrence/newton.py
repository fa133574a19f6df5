"""All steps at once: guess every gate, solve what is then linear, look again at the gates.

With the gates frozen at the previous guess the recurrence is h[t] = gamma[t] h[t-1] + b[t], one
`linear_scan`. That is Newton's method with diag(gamma) in place of the full Jacobian: the rest,
which costs D^2 a step, is dropped. It cannot explode. gamma <= 1 and the sigmoid is below 1, so no
guess is larger than linear_scan(gamma, |z|, |h0|); Newton's own guesses may be, which is why ELK
damps them. After k sweeps the first k steps are exact, so L sweeps always end it.

The gradient is implicit: at the solution it obeys a linear recurrence that runs backwards,

    g[t] = dh[t] + gamma[t+1] g[t+1] + W^T (r[t+1] g[t+1]),    r = z s (1 - s), s the gate,

and its W-term is frozen and repaired by the same sweeps.
Source: Lim et al. 2023 (DEER); Gonzalez et al. 2024 (ELK).
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marslab.kernels import joining
from marslab.kernels.gated_recurrence import gradient, torch_sweep


class ConvergenceWarning(UserWarning):
    """The sweeps of `gated_recurrence` did not converge; the result was found step by step."""


class Solved(NamedTuple):
    """The last iterate, the scan's last state, and how well it solves the recurrence."""

    x: Tensor
    state: Tensor
    sweeps: int
    residual: float
    converged: bool


def sweep(
    drive: Callable[[Tensor], Any], a: Tensor, start: Tensor, reverse: bool,
    backend: str, tol: float, max_iter: int,
) -> Solved:  # fmt: skip
    """Iterate x <- linear_scan(a, drive(x), start) until change and residual are below `tol`.

    Shapes (B batch, L length, D width):
        a: [B, L, D]; start: [B, D]; drive maps [B, L, D] to [B, L, D], or to what the backend's
            parts take in its place
    """
    parts = _parts(backend)
    x = start.new_zeros(a.shape)
    b, state, residual = drive(x), start, torch.inf
    for count in range(1, max_iter + 1):
        x, state, moved = parts.advance(a, b, start, reverse, x)
        b = drive(x)  # on a GPU it is queued, and runs while Python waits for the change
        change = _relative(*moved())
        if change <= tol or count == max_iter:
            residual = _relative(*parts.residual(a, b, start, reverse, x))
            if max(change, residual) <= tol:
                return Solved(x, state, count, residual, True)
    return Solved(x, state, max_iter, residual, False)


def _relative(off: Tensor, size: Tensor) -> float:
    """The largest over the rows; 0 for a row that is equal, also where it is 0."""
    return torch.where(off == 0, off, off / size).max().item()


def _parts(backend: str) -> torch_sweep.Parts:
    if backend == "triton":
        from marslab.kernels.gated_recurrence import gpu_sweep

        return gpu_sweep.PARTS
    return torch_sweep.parts(backend)


def _given_up(where: str, solved: Solved, tol: float) -> None:
    warnings.warn(
        f"gated_recurrence: the {where} did not converge in {solved.sweeps} sweeps: residual"
        f" {solved.residual:.1e}, tol {tol:.1e}; it was found step by step instead",
        ConvergenceWarning,
        stacklevel=2,
    )


@torch.library.custom_op("marslab::gated_recurrence_newton", mutates_args=())
def forward(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, backend: str, tol: float, max_iter: int
) -> tuple[Tensor, Tensor, Tensor]:
    """-> (h, state, (sweeps, residual, converged) as float64 on the CPU)."""
    if z.numel() == 0:
        return z.clone(), h0.clone(), torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    drive, a, start = _parts(backend).states(z, W, gamma, h0)
    solved = sweep(drive, a, start, False, backend, tol, max_iter)
    h, state = solved.x, solved.state
    if not solved.converged:
        _given_up("iteration", solved, tol)
        from marslab.kernels.gated_recurrence import implementation

        h, state = (x.detach() for x in implementation(backend)(z, W, gamma, h0))
    told = (solved.sweeps, solved.residual, solved.converged)
    return h.to(z.dtype), state, torch.tensor(told, dtype=torch.float64)


@forward.register_fake
def _(z, W, gamma, h0, backend, tol, max_iter):
    told = torch.empty(3, dtype=torch.float64, device="cpu")
    return z.new_empty(z.shape), h0.new_empty(h0.shape), told


@torch.library.custom_op("marslab::gated_recurrence_gradient_newton", mutates_args=())
def backward(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, h: Tensor, state: Tensor, told: Tensor,
    dh: Tensor, dstate: Tensor, backend: str, tol: float, max_iter: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """-> (dz, dW, dgamma, dh0)."""

    def transposed(gamma, r, W, dh, dstate):
        drive, a, start = _parts(backend).flows(gamma, r, W, dh, dstate, z)
        solved = sweep(drive, a, start, True, backend, tol, max_iter)
        if solved.converged:
            return solved.x, gradient.leaving(gamma, r, W, solved.x)
        _given_up("gradient", solved, tol)
        return gradient.step_by_step(gamma, r, W, dh, dstate)

    return gradient.gradients(z, W, gamma, h0, h, dh, dstate, transposed)


@backward.register_fake
def _(z, W, gamma, h0, h, state, told, dh, dstate, backend, tol, max_iter):
    return tuple(x.new_empty(x.shape) for x in (z, W, gamma, h0))


KEY = "gated_recurrence newton"
joining.KERNELS[KEY] = joining.Kernels(
    forward, backward, twice="method='sequential' with backend='torch'"
)


def gated_recurrence(
    z: Tensor, W: Tensor, gamma: Tensor, h0: Tensor, backend: str, tol: float, max_iter: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return h, the last state, and (sweeps, residual, converged)."""
    h, state, told = joining.join_all(KEY, (z, W, gamma, h0), backend, tol, max_iter)
    return h, state, told
