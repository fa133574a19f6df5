"""The state update of RWKV-7: a memory matrix that decays, corrects itself, and is written to."""

from typing import Literal, overload

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped, state_dtype, within
from marslab.kernels.wkv7 import naive, torch_ops

BACKENDS = ("naive", "torch", "numba", "triton")


@overload
def wkv7(
    r: Tensor,
    w: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor,
    b: Tensor,
    s0: Tensor | None = None,
    *,
    return_state: Literal[False] = False,
    backend: str = "auto",
) -> Tensor: ...
@overload
def wkv7(
    r: Tensor,
    w: Tensor,
    k: Tensor,
    v: Tensor,
    a: Tensor,
    b: Tensor,
    s0: Tensor | None = None,
    *,
    return_state: Literal[True],
    backend: str = "auto",
) -> tuple[Tensor, Tensor]: ...
def wkv7(r, w, k, v, a, b, s0=None, *, return_state=False, backend="auto"):
    """Run the generalised delta rule of RWKV-7 over a sequence, for each head on its own.

        S[t] = S[t-1] diag(exp(w[t])) + (S[t-1] a[t]) b[t]^T + v[t] k[t]^T        y[t] = S[t] r[t]

    Nothing is scaled and nothing is normalised inside. In RWKV-7 kappa is a key of unit norm,
    a = -kappa and b = eta kappa with eta in (0, 1): what the state holds under kappa is taken
    out, by the part eta, before v is written under k. With a = b = 0 a memory that only decays is
    left. Where b a^T is not bounded so, the state can grow without limit.

    Shapes (B batch, L length, H heads, K key width, V value width):
        r, w, k, a, b: [B, L, H, K]; v: [B, L, H, V]; `w` may be float32 beside 16-bit others
        s0: [B, H, V, K], the state before the first step; zeros if None
        returns: y [B, L, H, V] in the dtype of `v`; with return_state=True also the last state
            [B, H, V, K], in float32 for 16- and 32-bit inputs, in the dtype of `v` otherwise

    Units:
        w: log of the share that a step keeps, in [-inf, 0]; 0 keeps all, -inf forgets all

    Errors:
        TypeError: not a tensor, or a dtype that the op does not take
        ValueError: shapes or devices differ, w outside its domain, or `backend` is named and
            cannot run here

    Source:
        Peng et al. 2025, "RWKV-7 Goose with expressive dynamic state evolution", arXiv 2503.14456.

    >>> import torch
    >>> key = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    >>> first, second = torch.tensor([[3.0, 4.0], [5.0, 6.0]]).view(2, 1, 1, 1, 2)
    >>> zero = torch.zeros_like(key)
    >>> _, S = wkv7(key, zero, key, first, -key, key, return_state=True)
    >>> wkv7(key, zero, key, second, -key, key, S).flatten().tolist()  # overwritten
    [5.0, 6.0]
    >>> wkv7(key, zero, key, second, zero, zero, S).flatten().tolist()  # only added
    [8.0, 10.0]
    """
    _check(r, w, k, v, a, b, s0)
    within("wkv7", "w", w, -torch.inf, 0.0, "in [-inf, 0]")
    state = state_dtype(v.dtype)
    if s0 is None:
        s0 = v.new_zeros((v.shape[0], *v.shape[2:], r.shape[3]), dtype=state)
    run = implementation(choose("wkv7", backend, v.device, BACKENDS))
    y, last = run(r, w, k, v, a, b, s0.to(state))
    return (y, last) if return_state else y


def implementation(backend: str):
    """The op of one backend: (r, w, k, v, a, b, s0) -> (y, state). Loaded on first use."""
    if backend == "naive":
        return naive.wkv7
    if backend == "torch":
        return torch_ops.wkv7
    if backend == "numba":
        from marslab.kernels.wkv7 import cpu as module
    else:
        from marslab.kernels.wkv7 import gpu as module
    return module.wkv7


def _check(r, w, k, v, a, b, s0) -> None:
    op = "wkv7"
    is_tensor(op, "v", v)
    shaped(op, "v", v, "[B, L, H, V]", (None, None, None, None))
    same, also = {v.dtype}, {v.dtype, state_dtype(v.dtype)}
    beside = f"beside v of {v.dtype}"
    for name, value in (("r", r), ("w", w), ("k", k), ("a", a), ("b", b)):
        is_tensor(op, name, value, only=also if name == "w" else same, because=beside)
    shaped(op, "r", r, "[B, L, H, K] with B, L, H those of v", (*v.shape[:3], None))
    for name, value in (("w", w), ("k", k), ("a", a), ("b", b)):
        shaped(op, name, value, "[B, L, H, K]", tuple(r.shape))
    if s0 is not None:
        is_tensor(op, "s0", s0, only=also, because=beside)
        shaped(op, "s0", s0, "[B, H, V, K]", (v.shape[0], *v.shape[2:], r.shape[3]))
    on_one_device(op, r=r, w=w, k=k, v=v, a=a, b=b, s0=s0)
