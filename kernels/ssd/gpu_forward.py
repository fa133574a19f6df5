"""Triton, forward, three launches: what each chunk writes, the carry, what each chunk reads.

Only the middle one walks time, a step per chunk; the outer two are matrix products on tiles.
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
def states(
    left_ptr, right_ptr, dt_ptr, A_ptr, state_ptr, total_ptr, L, H, P, G, N, chunks,
    BACK: tl.constexpr, T: tl.constexpr, WP: tl.constexpr, WN: tl.constexpr, MATH: tl.constexpr,
):  # fmt: skip
    """state[c] = sum over the steps of a chunk of weight * left right^T; total[c], its decay.

    Forward: left = x, right = B, the weight of a step is dt times the decay until the chunk ends.
    BACK: left = dy, right = C, the weight is the decay since the chunk began.
    """
    dtype = state_ptr.dtype.element_ty
    head, c, row = whose(H, chunks)
    group, first, count = head // (H // G), row.to(tl.int64) * L + c * T, L - c * T
    step = tl.arange(0, T)
    p, n = tl.program_id(1) * WP + tl.arange(0, WP), tl.program_id(2) * WN + tl.arange(0, WN)
    dt = tl.load(dt_ptr + first * H + head + step * H, mask=step < count, other=0.0)
    sums, resets = logs(dt, tl.load(A_ptr + head))
    left = tile(left_ptr + (first * H + head) * P, step, p, count, P, H * P, dtype)
    right = tile(right_ptr + (first * G + group) * N, step, n, count, N, G * N, dtype)
    if BACK:
        weight = since(sums, resets, dtype)
    else:
        weight = until(sums, resets, T, dtype) * dt.to(dtype)
        end, gone = last(sums, resets, T)
        if (tl.program_id(1) == 0) & (tl.program_id(2) == 0):
            tl.store(total_ptr + tl.program_id(0), tl.where(gone == 0, tl.exp(end), 0.0))
    gained = product(tl.trans(left * weight[:, None]), right, MATH)
    put(state_ptr + tl.program_id(0).to(tl.int64) * P * N, gained, p, n, P, N, N)


@triton.jit
def carry(
    state_ptr, total_ptr, start_ptr, end_ptr, H, cells, chunks, BACK: tl.constexpr, W: tl.constexpr
):
    """Replace what each chunk writes by the state before it; the last state goes to `end`.

    BACK walks against time: what each chunk sends back becomes what reaches it from behind. The
    state is carried in float64: where decays repeat, their rounding repeats too and adds up.
    """
    row, head = (tl.program_id(0) // H).to(tl.int64), tl.program_id(0) % H
    cell = tl.program_id(1).to(tl.int64) * W + tl.arange(0, W)
    inside = cell < cells
    at = tl.program_id(0).to(tl.int64) * cells + cell
    h = tl.load(start_ptr + at, mask=inside, other=0.0).to(tl.float64)
    for i in range(chunks):
        c = chunks - 1 - i if BACK else i
        place = (row * chunks + c) * H + head
        here = state_ptr + place * cells + cell
        gained = tl.load(here, mask=inside, other=0.0)
        tl.store(here, h.to(gained.dtype), mask=inside)
        h = tl.load(total_ptr + place) * h + gained
    tl.store(end_ptr + at, h.to(end_ptr.dtype.element_ty), mask=inside)


@triton.jit
def outputs(
    x_ptr, dt_ptr, A_ptr, B_ptr, C_ptr, D_ptr, h_ptr, y_ptr, L, H, P, G, N, chunks,
    T: tl.constexpr, WP: tl.constexpr, WN: tl.constexpr, MATH: tl.constexpr,
):  # fmt: skip
    """y = (C B^T * decays * dt) x + keep * C h^T + D x, for T steps and WP columns of a head."""
    dtype = h_ptr.dtype.element_ty
    head, c, row = whose(H, chunks)
    group, first, count = head // (H // G), row.to(tl.int64) * L + c * T, L - c * T
    step, p = tl.arange(0, T), tl.program_id(1) * WP + tl.arange(0, WP)
    B_ptr += (first * G + group) * N
    C_ptr += (first * G + group) * N
    h_ptr += tl.program_id(0).to(tl.int64) * P * N
    scores = tl.zeros([T, T], dtype)
    read = tl.zeros([T, WP], dtype)
    for start in range(0, N, WN):
        n = start + tl.arange(0, WN)
        C = tile(C_ptr, step, n, count, N, G * N, dtype)
        scores += product(C, tl.trans(tile(B_ptr, step, n, count, N, G * N, dtype)), MATH)
        read += product(C, tl.trans(tile(h_ptr, p, n, P, N, N, dtype)), MATH)
    dt = tl.load(dt_ptr + first * H + head + step * H, mask=step < count, other=0.0)
    sums, resets = logs(dt, tl.load(A_ptr + head))
    x = tile(x_ptr + (first * H + head) * P, step, p, count, P, H * P, dtype)
    weights = scores * between(sums, resets, T, dtype) * dt.to(dtype)[None, :]
    y = product(weights, x, MATH) + since(sums, resets, dtype)[:, None] * read
    y += tl.load(D_ptr + head).to(dtype) * x
    put(y_ptr + (first * H + head) * P, y, step, p, count, P, H * P)
