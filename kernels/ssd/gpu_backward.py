"""Triton, backward: gradients of x and the decays a head at a time, of B and C a group at a time.

G is the gradient of the state after a chunk, h the state before it; both are kept a chunk each.
"""

# pyright: reportGeneralTypeIssues=false
import triton
import triton.language as tl

from marslab.kernels.ssd.gpu_tiles import (
    between,
    last,
    logs,
    product,
    put,
    since,
    tile,
    until,
    whose,
)


@triton.jit
def of_heads(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, h_ptr, G_ptr, dy_ptr,
    dx_ptr, dlog_ptr, direct_ptr, dD_ptr, L, H, P, G, N, chunks,
    T: tl.constexpr, WP: tl.constexpr, WN: tl.constexpr, MATH: tl.constexpr,
):  # fmt: skip
    """dx; and for each step and head: the gradient of dt A, of dt beside A, and of D.

    A log decay at step k acts on all that passes over k: on the pairs j < k <= i, on old state read
    from k on, on what is written before k and survives the chunk, and on old state that survives
    it. Only sums, so a reset gets an exact 0.
    """
    dtype = h_ptr.dtype.element_ty
    head, c, row = whose(H, chunks)
    group, first, count = head // (H // G), row.to(tl.int64) * L + c * T, L - c * T
    step = tl.arange(0, T)
    of_head, of_group = (first * H + head) * P, (first * G + group) * N
    of_state = tl.program_id(0).to(tl.int64) * P * N
    dt = tl.load(dt_ptr + first * H + head + step * H, mask=step < count, other=0.0)
    sums, resets = logs(dt, tl.load(A_ptr + head))
    dt = dt.to(dtype)
    mask, keep = between(sums, resets, T, dtype), since(sums, resets, dtype)
    rest = until(sums, resets, T, dtype)
    scores = tl.zeros([T, T], dtype)
    for start in range(0, N, WN):
        n = start + tl.arange(0, WN)
        B = tile(B_ptr + of_group, step, n, count, N, G * N, dtype)
        C = tile(C_ptr + of_group, step, n, count, N, G * N, dtype)
        scores += product(C, tl.trans(B), MATH)
    scores *= mask
    D = tl.load(D_ptr + head).to(dtype)
    values = tl.zeros([T, T], dtype)
    read, written, dD = tl.zeros([T], dtype), tl.zeros([T], dtype), tl.zeros([T], dtype)
    across = tl.zeros([WP], dtype)
    for first_p in range(0, P, WP):
        p = first_p + tl.arange(0, WP)
        x = tile(x_ptr + of_head, step, p, count, P, H * P, dtype)
        dy = tile(dy_ptr + of_head, step, p, count, P, H * P, dtype)
        values += product(dy, tl.trans(x), MATH)
        flow, seen = tl.zeros([T, WP], dtype), tl.zeros([T, WP], dtype)
        for start in range(0, N, WN):
            n = start + tl.arange(0, WN)
            B = tile(B_ptr + of_group, step, n, count, N, G * N, dtype)
            C = tile(C_ptr + of_group, step, n, count, N, G * N, dtype)
            back = tile(G_ptr + of_state, p, n, P, N, N, dtype)
            h = tile(h_ptr + of_state, p, n, P, N, N, dtype)
            flow += product(B, tl.trans(back), MATH)
            seen += product(C, tl.trans(h), MATH)
            across += tl.sum(back * h, 1)
        dx = product(tl.trans(scores), dy, MATH) + rest[:, None] * flow
        put(dx_ptr + of_head, dt[:, None] * dx + D * dy, step, p, count, P, H * P)
        read += keep * tl.sum(dy * seen, 1)
        written += rest * tl.sum(x * flow, 1)
        dD += tl.sum(dy * x, 1)
    both = scores * values
    at = first * H + head + step * H
    tl.store(direct_ptr + at, tl.sum(both, 0) + written, mask=step < count)
    tl.store(dD_ptr + at, dD, mask=step < count)
    over = tl.cumsum(both, 0, reverse=True) + written[None, :]  # row k: pairs i >= k of column j
    over = tl.where(step[None, :] < step[:, None], over * dt[None, :], read[None, :])
    end, gone = last(sums, resets, T)
    total = tl.where(gone == 0, tl.exp(end.to(dtype)), 0.0)
    tl.store(dlog_ptr + at, tl.sum(over, 1) + total * tl.sum(across, 0), mask=step < count)


@triton.jit
def of_groups(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, h_ptr, G_ptr, dy_ptr, dB_ptr, dC_ptr,
    L, H, P, G, N, chunks, parts,
    T: tl.constexpr, WP: tl.constexpr, WN: tl.constexpr, MATH: tl.constexpr,
):  # fmt: skip
    """dB and dC [B, L, G, parts, N]: each program sums over one of `parts` of a group's heads."""
    dtype = h_ptr.dtype.element_ty
    part, c, row = whose(G * parts, chunks)
    group, heads = part // parts, H // G // parts
    first, count = row.to(tl.int64) * L + c * T, L - c * T
    step, n = tl.arange(0, T), tl.program_id(1) * WN + tl.arange(0, WN)
    B = tile(B_ptr + (first * G + group) * N, step, n, count, N, G * N, dtype)
    C = tile(C_ptr + (first * G + group) * N, step, n, count, N, G * N, dtype)
    dB, dC = tl.zeros([T, WN], dtype), tl.zeros([T, WN], dtype)
    for head in range(part * heads, (part + 1) * heads):
        of_head = (first * H + head) * P
        of_state = ((row.to(tl.int64) * chunks + c) * H + head) * P * N
        dt = tl.load(dt_ptr + first * H + head + step * H, mask=step < count, other=0.0)
        sums, resets = logs(dt, tl.load(A_ptr + head))
        dt = dt.to(dtype)
        keep, rest = since(sums, resets, dtype), until(sums, resets, T, dtype) * dt
        values = tl.zeros([T, T], dtype)
        for first_p in range(0, P, WP):
            p = first_p + tl.arange(0, WP)
            x = tile(x_ptr + of_head, step, p, count, P, H * P, dtype)
            dy = tile(dy_ptr + of_head, step, p, count, P, H * P, dtype)
            back = tile(G_ptr + of_state, p, n, P, N, N, dtype)
            h = tile(h_ptr + of_state, p, n, P, N, N, dtype)
            values += product(dy, tl.trans(x), MATH)
            dB += product(x * rest[:, None], back, MATH)
            dC += product(dy * keep[:, None], h, MATH)
        values *= between(sums, resets, T, dtype) * dt[None, :]
        dB += product(tl.trans(values), C, MATH)
        dC += product(values, B, MATH)
    out = (first * G * parts + part) * N
    put(dB_ptr + out, dB, step, n, count, N, G * parts * N)
    put(dC_ptr + out, dC, step, n, count, N, G * parts * N)
