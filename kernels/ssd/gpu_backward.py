"""Triton, backward: chunks side by side, the heads of a group one after the other.

G is the gradient of the state after a chunk, h the state before it; the walks kept both.
"""

import triton
import triton.language as tl

from marslab.kernels.ssd.gpu_tiles import decay, product, put, tile


@triton.jit
def of_heads(
    x_ptr, A_ptr, B_ptr, C_ptr, D_ptr, planes_ptr, h_ptr, G_ptr, dy_ptr,
    dx_ptr, ddt_ptr, pairs_ptr, dA_ptr, dD_ptr, L, chunks,
    H: tl.constexpr, groups: tl.constexpr, parts: tl.constexpr, P: tl.constexpr, N: tl.constexpr,
    T: tl.constexpr, WP: tl.constexpr, NP: tl.constexpr, MATH: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """dx and ddt; dA and dD [B, chunks, H], those of the chunk; pairs for `of_groups`.

    Programs: [B, chunks, groups, parts], each over one of `parts` of a group's heads. What acts on
    pairs of steps has step j, written, as its row and step i, read, as its column. pairs [B,
    chunks, groups, parts, T, T] is the sum over heads of (dy . x) * decay * dt, since C and B are
    the same for all of them.

    A log decay at step k acts on all that passes over k: on the pairs j < k <= i, on old state read
    from k on, on what is written before k and survives the chunk, and on old state that survives
    it. Only sums, so a reset gets an exact 0.
    """
    dtype = dA_ptr.dtype.element_ty
    lean = h_ptr.dtype.element_ty  # of what products take
    heads: tl.constexpr = H // groups // parts
    part = tl.program_id(0) % (groups * parts)
    place = (tl.program_id(0) // (groups * parts)).to(tl.int64)
    row, c, group = place // chunks, place % chunks, part // parts
    first, left = row * L + c * T, L - c * T
    step, n, column = tl.arange(0, T), tl.arange(0, NP), tl.arange(0, WP)
    before = tl.where(step[:, None] > step[None, :], 1.0, 0.0).to(lean)
    B = tile(B_ptr + (first * groups + group) * N, step, n, left, N, groups * N)
    C = tile(C_ptr + (first * groups + group) * N, step, n, left, N, groups * N)
    scores, pairs = product(B, tl.trans(C), dtype, MATH), tl.zeros([T, T], dtype)
    # The order of the loads and of the two halves is what ptxas finds registers for: see README.
    for k in tl.range(0, heads, num_stages=STAGES):
        head = part * heads + k
        of_head = (first * H + head) * P
        of_chunk = (row * H + head) * chunks + c
        marks = planes_ptr + of_chunk * 5 * T + step
        sums, dt = tl.load(marks), tl.load(marks + T).to(dtype)
        since, rest = tl.load(marks + 2 * T).to(dtype), tl.load(marks + 3 * T).to(dtype)
        total = tl.load(planes_ptr + of_chunk * 5 * T + 3 * T - 1).to(dtype)
        A = tl.load(A_ptr + head).to(dtype)
        values = tl.zeros([T, T], dtype)
        for start in range(0, P, WP):
            p = start + column
            x = tile(x_ptr + of_head, step, p, left, P, H * P)
            dy = tile(dy_ptr + of_head, step, p, left, P, H * P)
            values += product(x, tl.trans(dy), dtype, MATH)
        if D_ptr is not None:
            dD = tl.sum(tl.where(step[:, None] == step[None, :], values, 0.0))
            tl.store(dD_ptr + place * H + head, dD)
        mask = decay(sums[None, :], sums[:, None], step[:, None] <= step[None, :], dtype)
        weights = (scores * mask).to(lean)
        values *= mask
        pairs += values * dt[:, None]
        both = scores * values
        direct = tl.sum(both, 1)
        both = (both * dt[:, None]).to(lean)
        D = None if D_ptr is None else tl.load(D_ptr + head).to(dtype)
        read, written = tl.zeros([T], dtype), tl.zeros([T], dtype)
        kept = tl.zeros([WP], dtype)
        for start in range(0, P, WP):
            p = start + column
            h = tile(h_ptr + of_chunk * N * P, n, p, N, P, P)
            dy = tile(dy_ptr + of_head, step, p, left, P, H * P)
            read += tl.sum(dy.to(dtype) * product(C, h, dtype, MATH), 1)
            back = tile(G_ptr + of_chunk * N * P, n, p, N, P, P)
            kept += tl.sum(h.to(dtype) * back.to(dtype), 0)
            flow = product(B, back, dtype, MATH)
            x = tile(x_ptr + of_head, step, p, left, P, H * P)
            written += tl.sum(x.to(dtype) * flow, 1)
            dx = rest[:, None] * flow
            dx += product(weights, dy, dtype, MATH)
            dx *= dt[:, None]
            if D is not None:
                dx += D * dy.to(dtype)
            put(dx_ptr + of_head, dx, step, p, left, P, H * P)
        read, written = since * read, rest * written
        across = product(before, both, dtype, MATH) + read[None, :]  # row k: pairs j < k of each i
        across = tl.where(step[:, None] <= step[None, :], across, (dt * written)[None, :])
        dlog = tl.sum(across, 1) + total * tl.sum(kept, 0)
        ddt = direct + written + tl.where(A == float("-inf"), 0.0, A) * dlog
        at = ddt_ptr + (first + step) * H + head
        tl.store(at, ddt.to(ddt_ptr.dtype.element_ty), mask=step < left)
        tl.store(dA_ptr + place * H + head, tl.sum(dt * dlog, 0))
    put(pairs_ptr + tl.program_id(0).to(tl.int64) * T * T, pairs, step, step, T, T, T)


@triton.jit
def of_groups(
    x_ptr, C_ptr, G_ptr, planes_ptr, pairs_ptr, dB_ptr, L, chunks,
    H: tl.constexpr, groups: tl.constexpr, parts: tl.constexpr, P: tl.constexpr, N: tl.constexpr,
    TURN: tl.constexpr, T: tl.constexpr, WP: tl.constexpr, NP: tl.constexpr, MATH: tl.constexpr,
    STAGES: tl.constexpr,
):  # fmt: skip
    """dB [B, L, groups, parts, N] = pairs C + the sum over heads of (weight * x) G.

    TURN: the same for dC = pairs^T B + the sum over heads of (since * dy) h, with dy for x, B for C
    and h for G. Programs as in `of_heads`.
    """
    dtype = pairs_ptr.dtype.element_ty
    heads: tl.constexpr = H // groups // parts
    part = tl.program_id(0) % (groups * parts)
    place = (tl.program_id(0) // (groups * parts)).to(tl.int64)
    row, c, group = place // chunks, place % chunks, part // parts
    first, left = row * L + c * T, L - c * T
    step, n = tl.arange(0, T), tl.arange(0, NP)
    dB = tl.zeros([T, NP], dtype)
    for k in tl.range(0, heads, num_stages=STAGES):
        head = part * heads + k
        of_chunk = (row * H + head) * chunks + c
        weight = tl.load(planes_ptr + (of_chunk * 5 + (2 if TURN else 4)) * T + step).to(dtype)
        for start in range(0, P, WP):
            p = start + tl.arange(0, WP)
            x = tile(x_ptr + (first * H + head) * P, step, p, left, P, H * P).to(dtype)
            back = tile(G_ptr + of_chunk * N * P, n, p, N, P, P)
            dB += product(x * weight[:, None], tl.trans(back), dtype, MATH)
    C = tile(C_ptr + (first * groups + group) * N, step, n, left, N, groups * N)
    pairs = tile(pairs_ptr + tl.program_id(0).to(tl.int64) * T * T, step, step, T, T, T)
    dB += product(tl.trans(pairs) if TURN else pairs, C, dtype, MATH)
    out = dB_ptr + (first * groups * parts + part) * N
    put(out, dB, step, n, left, N, groups * parts * N)
