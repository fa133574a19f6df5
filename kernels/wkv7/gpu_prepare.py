"""Triton: all that a chunk of T steps needs and that does not depend on the state before it.

Every chunk of every head is a program of its own, so the whole chip works at once.
"""

# pyright: reportGeneralTypeIssues=false
import triton
import triton.language as tl

from marslab.kernels.wkv7.gpu_tiles import ages, meetings, mild, product, put, tile


@triton.jit
def inverse(P, t, MATH: tl.constexpr, T: tl.constexpr):
    """The inverse of I - P, P [T, T] strictly lower triangular, by blocks of 1, 2, 4, ... steps.

    With the inverse of two neighbouring blocks known, that of both together is
    [[A, 0], [B P21 A, B]]: the old one plus old P21 old. It is forward substitution, so no powers
    of P arise; where keys repeat they would grow like binomials and cancel.
    """
    row, column = t[:, None], t[None, :]
    whole = tl.where(row == column, 1.0, 0.0).to(P.dtype) + tl.where(
        row // 2 == column // 2, P, 0.0
    )
    for level in tl.static_range(1, 10):
        size = 2**level
        if size < T:
            joined = (row // size // 2 == column // size // 2) & (row // size != column // size)
            corner = product(tl.where(joined, P, 0.0), whole, MATH)
            whole += product(whole, corner, MATH)
    return whole


@triton.jit
def scores(r, k, a, b, sums, before, t, MATH: tl.constexpr, T: tl.constexpr):
    """What r and a of each step meet of every b and k of the chunk: [T, T] four times.

    -> (r meets b, r meets k, a meets b, a meets k); r sees its own step, a only earlier ones.
    """
    if mild(sums, t, T):
        young = tl.exp(-sums.to(r.dtype))  # the decay since the chunk began divides out
        aged_b, aged_k = tl.trans(b * young), tl.trans(k * young)
        reads, asks = r * tl.exp(sums.to(r.dtype)), a * tl.exp(before.to(r.dtype))
        rb, rk = product(reads, aged_b, MATH), product(reads, aged_k, MATH)
        ab, ak = product(asks, aged_b, MATH), product(asks, aged_k, MATH)
    else:
        rb, rk = meetings(r, b, sums, sums, t, T), meetings(r, k, sums, sums, t, T)
        ab, ak = meetings(a, b, before, sums, t, T), meetings(a, k, before, sums, t, T)
    seen, earlier = t[:, None] >= t[None, :], t[:, None] > t[None, :]
    rb, rk = tl.where(seen, rb, 0.0), tl.where(seen, rk, 0.0)
    return rb, rk, tl.where(earlier, ab, 0.0), tl.where(earlier, ak, 0.0)


@triton.jit
def prepare(
    r_ptr, w_ptr, k_ptr, a_ptr, b_ptr,
    solved_ptr, first_ptr, second_ptr, read_ptr, mix_ptr, rb_ptr, rk_ptr, total_ptr,
    L, H, K, chunks,
    BACK: tl.constexpr, FINE: tl.constexpr, T: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    """solved, first, second, read: [B, H, chunks, T, K]; mix, rb, rk: [..., T, T]; total: [..., K].

    What walk.py multiplies with. With X = (I - P)^-1, P what a meets of b, P' what a meets of k:
        forward:  solved = X a, mix = X P', first, second = b, k as they stand after the chunk,
                  read = r, rb and rk; a and r with the decay since the chunk began
        BACK:     solved = X^T b, mix = X^T rb^T, first, second = a, r; the rest is not written
    """
    dtype: tl.constexpr = total_ptr.dtype.element_ty
    narrow: tl.constexpr = k_ptr.dtype.element_ty.primitive_bitwidth == 16
    chunk = tl.program_id(0).to(tl.int64)
    head, start = chunk // chunks, (chunk % chunks) * T
    place = ((head // H * L + start) * H + head % H) * K  # of the [K] of the chunk's first step
    t, n, count = tl.arange(0, T), tl.arange(0, KP), L - start
    of_keys, of_pairs = chunk * T * K, chunk * T * T
    r = tile(r_ptr + place, t, n, count, K, H * K, dtype)
    k = tile(k_ptr + place, t, n, count, K, H * K, dtype)
    a = tile(a_ptr + place, t, n, count, K, H * K, dtype)
    b = tile(b_ptr + place, t, n, count, K, H * K, dtype)
    sums, before = ages(w_ptr + place, t, n, count, K, H * K, narrow)
    end = tl.sum(tl.where(t[:, None] == T - 1, sums, 0.0), 0)
    tl.store(total_ptr + chunk * K + n, tl.exp(end.to(dtype)), mask=n < K)
    rest = tl.exp((end[None, :] - sums).to(dtype))
    if BACK:
        put(first_ptr + of_keys, a * tl.exp(before.to(dtype)), t, n, T, K, K)
        put(second_ptr + of_keys, r * tl.exp(sums.to(dtype)), t, n, T, K, K)
    else:
        put(first_ptr + of_keys, b * rest, t, n, T, K, K)
        put(second_ptr + of_keys, k * rest, t, n, T, K, K)
        put(read_ptr + of_keys, r * tl.exp(sums.to(dtype)), t, n, T, K, K)
    rb, rk, ab, ak = scores(r, k, a, b, sums, before, t, FINE, T)
    whole = inverse(ab, t, FINE, T)
    if BACK:
        put(solved_ptr + of_keys, product(tl.trans(whole), b * rest, FINE), t, n, T, K, K)
        put(mix_ptr + of_pairs, tl.trans(product(rb, whole, FINE)), t, t, T, T, T)
    else:
        asks = a * tl.exp(before.to(dtype))
        put(solved_ptr + of_keys, product(whole, asks, FINE), t, n, T, K, K)
        put(mix_ptr + of_pairs, product(whole, ak, FINE), t, t, T, T, T)
        put(rb_ptr + of_pairs, rb, t, t, T, T, T)
        put(rk_ptr + of_pairs, rk, t, t, T, T, T)
