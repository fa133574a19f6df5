"""h[t] = a[t] * h[t-1] + b[t], elementwise along the sequence."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, overload

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

Scan = Callable[[Tensor, Tensor, Tensor, bool], tuple[Tensor, Tensor]]
BACKENDS = ("naive", "torch", "numba", "triton")


def implementation(backend: str) -> Scan:
    """The scan of one backend: (a, b, h0, reverse) -> (h, state). Loaded on first use."""
    if backend == "naive":
        from marslab.kernels.linear_scan import naive as module
    elif backend == "torch":
        from marslab.kernels.linear_scan import torch_ops as module
    elif backend == "numba":
        from marslab.kernels.linear_scan import cpu as module
    else:
        from marslab.kernels.linear_scan import gpu as module
    return module.linear_scan


@overload
def linear_scan(
    a: Tensor,
    b: Tensor,
    h0: Tensor | None = None,
    *,
    reverse: bool = False,
    group: "ProcessGroup | None" = None,
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def linear_scan(
    a: Tensor,
    b: Tensor,
    h0: Tensor | None = None,
    *,
    reverse: bool = False,
    group: "ProcessGroup | None" = None,
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
def linear_scan(a, b, h0=None, *, reverse=False, group=None, return_state=False, backend="auto"):
    """Solve h[t] = a[t] * h[t-1] + b[t] for every t.

    With `reverse` h[t] = a[t] * h[t+1] + b[t]: `h0` enters after the last step and the state is
    h at t = 0. With `group` the sequence is split over the ranks of a torch process group.

    Shapes (B batch, L length, D width):
        a, b: [B, L, D] of one dtype, real or complex; `a` may be float32 beside a 16-bit `b`
        h0: [B, D], the state before the first step; zeros if None
        returns: h [B, L, D] in the dtype of `b`; with return_state=True also the last state
            [B, D], in float32 for 16- and 32-bit inputs, in the dtype of `b` otherwise

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ, or `backend` is named and cannot run here

    Source:
        Blelloch 1990, "Prefix sums and their applications", 1.4.1.

    >>> import torch
    >>> one = torch.ones(1, 3, 1)
    >>> linear_scan(one, one).flatten().tolist()
    [1.0, 2.0, 3.0]
    """
    _check(a, b, h0)
    has = BACKENDS[:3] if b.is_complex() else BACKENDS  # Triton has no complex numbers
    name = choose("linear_scan", backend, b.device, has)
    scan, state = implementation(name), state_dtype(b.dtype)
    if h0 is None:
        width = 0 if name == "triton" and group is None else b.shape[2]
        h0 = b.new_zeros((b.shape[0], width), dtype=state)
    h0 = h0.to(state)
    if group is not None:
        from marslab.kernels.linear_scan import ranks

        h, last = ranks.linear_scan(scan, a, b, h0, reverse, group)
    else:
        h, last = scan(a, b, h0, reverse)
    return (h, last) if return_state else h


def _check(a: Tensor, b: Tensor, h0: Tensor | None) -> None:
    complex_ok = (torch.complex64, torch.complex128)
    is_tensor("linear_scan", "b", b, also=complex_ok)
    allowed = {b.dtype, state_dtype(b.dtype)}
    is_tensor("linear_scan", "a", a, only=allowed, because=f"beside b of {b.dtype}")
    shaped("linear_scan", "b", b, "[B, L, D]", (None, None, None))
    shaped("linear_scan", "a", a, "[B, L, D]", tuple(b.shape))
    if h0 is not None:
        is_tensor("linear_scan", "h0", h0, only=allowed, because=f"beside b of {b.dtype}")
        shaped("linear_scan", "h0", h0, "[B, D]", (b.shape[0], b.shape[2]))
    on_one_device("linear_scan", a=a, b=b, h0=h0)
