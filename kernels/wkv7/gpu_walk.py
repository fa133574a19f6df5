"""Triton: the only part of wkv7 that waits for itself, a few small matrix products per chunk."""

import triton
import triton.language as tl

from marslab.kernels.wkv7.gpu_tiles import product, put, tile


@triton.jit
def walk(
    solved_ptr, first_ptr, second_ptr, read_ptr, mix_ptr, rb_ptr, rk_ptr, total_ptr, v_ptr,
    start_ptr, end_ptr, states_ptr, u_ptr, y_ptr, L, H, K, V, chunks,
    BACK: tl.constexpr, KEEP: tl.constexpr, MATH: tl.constexpr, FINE: tl.constexpr,
    STAGES: tl.constexpr, T: tl.constexpr, N: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    """Take N value rows of a head through all chunks; S [N, K] stays in registers.

        u^T = S solved^T + v^T mix^T        y^T = S read^T + u^T rb^T + v^T rk^T
        S <- S diag(total) + u^T first + v^T second

    BACK runs against time, with the gradient of the state for S, that of y for v and that of u
    for u; it reads nothing. KEEP stores S before each chunk (BACK: behind it) in `states`
    [B, H, chunks, V, K], and u in `u` [B, H, chunks, T, V]. v, y: [B, L, H, V].
    """
    dtype: tl.constexpr = start_ptr.dtype.element_ty
    head = (tl.program_id(0) // tl.cdiv(V, N)).to(tl.int64)
    row = tl.program_id(0) % tl.cdiv(V, N) * N + tl.arange(0, N)
    t, n = tl.arange(0, T), tl.arange(0, KP)
    S = tile(start_ptr + head * V * K, row, n, V, K, K, dtype)
    for i in tl.range(0, chunks, num_stages=STAGES):
        c = chunks - 1 - i if BACK else i
        chunk, count = head * chunks + c, L - c * T
        place = ((head // H * L + c * T) * H + head % H) * V  # of the [V] of the first step
        of_keys, of_pairs = chunk * T * K, chunk * T * T
        solved = tl.trans(tile(solved_ptr + of_keys, t, n, T, K, K, solved_ptr.dtype.element_ty))
        first = tile(first_ptr + of_keys, t, n, T, K, K, first_ptr.dtype.element_ty)
        second = tile(second_ptr + of_keys, t, n, T, K, K, second_ptr.dtype.element_ty)
        mix = tl.trans(tile(mix_ptr + of_pairs, t, t, T, T, T, dtype))
        v = tl.trans(tile(v_ptr + place, t, row, count, V, H * V, first_ptr.dtype.element_ty))
        total = tl.load(total_ptr + chunk * K + n, mask=n < K, other=0.0)
        if KEEP:
            put(states_ptr + chunk * V * K, S, row, n, V, K, K)
        u = product(S.to(solved.dtype), solved, MATH) + product(v.to(dtype), mix, FINE)
        if KEEP:
            put(u_ptr + chunk * T * V, tl.trans(u), t, row, T, V, V)
        if not BACK:
            read = tl.trans(tile(read_ptr + of_keys, t, n, T, K, K, read_ptr.dtype.element_ty))
            rb = tl.trans(tile(rb_ptr + of_pairs, t, t, T, T, T, dtype))
            rk = tl.trans(tile(rk_ptr + of_pairs, t, t, T, T, T, dtype))
            y = product(S.to(read.dtype), read, MATH) + product(u, rb, FINE)
            y += product(v.to(dtype), rk, FINE)
            put(y_ptr + place, tl.trans(y), t, row, count, V, H * V)
        S = S * total[None, :] + product(u.to(first.dtype), first, MATH) + product(v, second, MATH)
    put(end_ptr + head * V * K, S, row, n, V, K, K)
