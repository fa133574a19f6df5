"""Triton, step by step, for a few of them: one launch, and the state is read and written once.

A program owns N value rows of a head, [N, K] in registers. Programs never talk.
"""

import triton
import triton.language as tl


@triton.jit
def _get(ptr, at, inside, like):
    return tl.load(ptr + at, mask=inside, other=0.0).to(like.dtype)


@triton.jit
def forward(
    r_ptr, w_ptr, k_ptr, v_ptr, a_ptr, b_ptr, s0_ptr, y_ptr, state_ptr, L, H, K, V,
    N: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    """r ... b, y: [B, L, H, K or V]; s0, state: [B, H, V, K]."""
    head = (tl.program_id(0) // tl.cdiv(V, N)).to(tl.int64)
    row = tl.program_id(0) % tl.cdiv(V, N) * N + tl.arange(0, N)
    n = tl.arange(0, KP)
    own, cell = (row < V)[:, None] & (n < K)[None, :], row[:, None] * K + n[None, :]
    S = tl.load(s0_ptr + head * V * K + cell, mask=own, other=0.0)
    first = head // H * L * H + head % H  # of the [K] or [V] of step 0
    for t in range(0, L):
        at, along = (first + t * H) * K + n, (first + t * H) * V + row
        a = _get(a_ptr, at, n < K, S)
        keep = tl.exp(_get(w_ptr, at, n < K, S))
        k = _get(k_ptr, at, n < K, S)
        b = _get(b_ptr, at, n < K, S)
        v = _get(v_ptr, along, row < V, S)
        r = _get(r_ptr, at, n < K, S)
        u = tl.sum(S * a[None, :], 1)
        S = S * keep[None, :] + u[:, None] * b[None, :] + v[:, None] * k[None, :]
        tl.store(y_ptr + along, tl.sum(S * r[None, :], 1), mask=row < V)
    tl.store(state_ptr + head * V * K + cell, S, mask=own)
