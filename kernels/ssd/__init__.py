"""State space duality: a decayed outer-product memory, as a recurrence and as matrix products."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, overload

from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.ssd.operands import check, filled
from marslab.kernels.ssd.quadratic import ssd_quadratic

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

__all__ = ["ssd", "ssd_quadratic"]
BACKENDS = ("naive", "torch", "numba", "triton")


def implementation(backend: str) -> Callable[..., tuple[Tensor, Tensor]]:
    """The op of one backend: (x, dt, A, B, C, D, h0, chunk_size) -> (y, state)."""
    if backend == "naive":
        from marslab.kernels.ssd import naive as module
    elif backend == "torch":
        from marslab.kernels.ssd import torch_ops as module
    elif backend == "numba":
        from marslab.kernels.ssd import cpu as module
    else:
        from marslab.kernels.ssd import gpu as module
    return module.ssd


@overload
def ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    chunk_size: int = 64,
    group: "ProcessGroup | None" = None,
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    *,
    chunk_size: int = 64,
    group: "ProcessGroup | None" = None,
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
def ssd(
    x, dt, A, B, C, D=None, h0=None,
    *, chunk_size=64, group=None, return_state=False, backend="auto",
):  # fmt: skip
    """Run a memory with one decay per head: h[t] = exp(dt[t] A) h[t-1] + dt[t] x[t] B[t]^T.

    What is read is y[t] = h[t] C[t] + D x[t]. Head i reads group i // (H // G) of B and C. A step
    with dt = 0 changes nothing, whatever A is; A = -inf forgets all at every other step. The result
    does not depend on `chunk_size` beyond rounding; numba works on 16 steps at a time at the most,
    Triton on 16 to 64. With `group` the sequence is split over the ranks of a torch process group.

    Shapes (B batch, L length, H heads, P head width, G groups, N state):
        x: [B, L, H, P]; dt: [B, L, H], in [0, inf); A: [H], in [-inf, 0]
        B, C: [B, L, G, N], where G divides H; D: [H], zeros if None
        h0: [B, H, P, N], the state before the first step; zeros if None
        dt, A, D and h0 may be float32 beside 16-bit x, B and C
        returns: y [B, L, H, P] in the dtype of `x`; with return_state=True also the last state
            [B, H, P, N], in float32 for 16- and 32-bit inputs, in float64 otherwise

    Units:
        chunk_size: steps

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ, a number outside its domain, chunk_size below 1, or
            `backend` is named and cannot run here

    Source:
        Dao & Gu 2024, "Transformers are SSMs: generalized models and efficient algorithms through
        structured state space duality", sections 5 and 6.

    >>> import torch
    >>> one = torch.ones(1, 3, 1, 1)
    >>> ssd(one, one[..., 0], torch.zeros(1), one, one).flatten().tolist()
    [1.0, 2.0, 3.0]
    """
    check("ssd", x, dt, A, B, C, D, h0)
    if not isinstance(chunk_size, int) or chunk_size < 1:
        raise ValueError(f"ssd: chunk_size must be an integer of at least 1, got {chunk_size!r}")
    name = choose("ssd", backend, x.device, BACKENDS)
    scan, (D, h0) = implementation(name), filled(x, B, D, h0, name)
    if group is not None:
        from marslab.kernels.ssd import ranks

        y, state = ranks.ssd(scan, (x, dt, A, B, C, D, h0), chunk_size, group)
    else:
        y, state = scan(x, dt, A, B, C, D, h0, chunk_size)
    return (y, state) if return_state else y
