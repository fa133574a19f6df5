"""Triton, forward: a program walks a segment of time step by step, its states in registers.

Few rows and channels leave a GPU idle, so time may be cut: `ends` finds what each segment reaches
from 0, and `forward` starts each segment from the ends before it. The states before each tile of T
steps are kept for the backward. Steps beyond L have dt = 0, which holds the state.
"""

import triton
import triton.language as tl

from marslab.kernels.selective_scan.gpu_steps import (
    ahead,
    gates,
    joined,
    place,
    rates,
    step,
)


@triton.jit
def ends(
    x_ptr, dt_ptr, A_ptr, B_ptr, ends_ptr, times_ptr, L, D, LONG,
    N: tl.constexpr, ZOH: tl.constexpr, NEAR: tl.constexpr, TERMS: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """ends: [B, segments, D, N], the state from 0; times: [B, segments, D], the sum of dt."""
    row, segment, segments, d, n, own = place(L, D, N, LONG, T, W, NP)  # pyright: ignore[reportGeneralTypeIssues]
    cell = d[:, None] * N + n[None, :]
    rate, inverse = rates(A_ptr, cell, own)
    near = tl.minimum(d, D - 1)
    h = tl.zeros_like(rate)
    total = tl.zeros((W,), rate.dtype)
    first = segment * LONG * T
    xs, dts = ahead(x_ptr, dt_ptr, near, D, row * L + first, L - 1 - first, rate, T)
    for i in range(segment * LONG, tl.minimum((segment + 1) * LONG, tl.cdiv(L, T))):
        start, left = row * L + i * T, L - 1 - i * T
        Bs = gates(B_ptr, n, N, start, left, rate, T)
        xs_next, dts_next = ahead(x_ptr, dt_ptr, near, D, start + T, left - T, rate, T)
        tl.debug_barrier()  # or the compiler would load each number just before its use
        for k in tl.static_range(T):
            h, _ = step(h, xs[k], dts[k], Bs[k], rate, inverse, ZOH, NEAR, TERMS)
            total += dts[k]
        xs, dts = xs_next, dts_next
    at = row * segments + segment
    tl.store(ends_ptr + at * D * N + cell, h, mask=own)
    tl.store(times_ptr + at * D + d, total, mask=d < D)


@triton.jit
def forward(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, h0_ptr, ends_ptr, times_ptr,
    y_ptr, state_ptr, kept_ptr, L, D, LONG,
    N: tl.constexpr, KEEP: tl.constexpr, ZOH: tl.constexpr, NEAR: tl.constexpr, TERMS: tl.constexpr,
    T: tl.constexpr, W: tl.constexpr, NP: tl.constexpr,
):  # fmt: skip
    """x, dt, y: [B, L, D]; A: [D, N]; B, C: [B, L, N]; state: [B, D, N]; kept: [B, tiles, D, N]."""
    row, segment, segments, d, n, own = place(L, D, N, LONG, T, W, NP)  # pyright: ignore[reportGeneralTypeIssues]
    cell = d[:, None] * N + n[None, :]
    rate, inverse = rates(A_ptr, cell, own)
    skip = tl.load(D_ptr + d, mask=d < D, other=0.0)
    size = D * N
    near = tl.minimum(d, D - 1)
    h = tl.load(h0_ptr + row * size + cell, mask=own, other=0.0)
    h = joined(
        h, rate, ends_ptr, times_ptr, cell, d, own, row * segments, segment, 1, D, size,
        NEAR, TERMS,
    )  # fmt: skip
    tiles = tl.cdiv(L, T)
    first = segment * LONG * T
    xs, dts = ahead(x_ptr, dt_ptr, near, D, row * L + first, L - 1 - first, rate, T)
    for i in range(segment * LONG, tl.minimum((segment + 1) * LONG, tiles)):
        if KEEP:
            tl.store(kept_ptr + (row * tiles + i) * size + cell, h, mask=own)
        start, left = row * L + i * T, L - 1 - i * T
        Bs = gates(B_ptr, n, N, start, left, rate, T)
        Cs = gates(C_ptr, n, N, start, left, rate, T)
        xs_next, dts_next = ahead(x_ptr, dt_ptr, near, D, start + T, left - T, rate, T)
        tl.debug_barrier()  # or the compiler would load each number just before its use
        ys = ()
        for k in tl.static_range(T):
            h, _ = step(h, xs[k], dts[k], Bs[k], rate, inverse, ZOH, NEAR, TERMS)
            ys = ys + (tl.sum(h * Cs[k][None, :], 1) + skip * xs[k],)
        for k in tl.static_range(T):
            tl.store(y_ptr + start * D + (k * D + d), ys[k], mask=(d < D) & (k <= left))
        xs, dts = xs_next, dts_next
    if segment == segments - 1:
        tl.store(state_ptr + row * size + cell, h, mask=own)
