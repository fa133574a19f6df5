"""Triton: the gradients of a chunk's operands, once the states and their gradients are known.

Every chunk of every head is a program. S is the state before the chunk, G the gradient of the state
behind it; u and du are S a and its gradient, at every step.
"""

# pyright: reportGeneralTypeIssues=false
import triton
import triton.language as tl

from marslab.kernels.wkv7.gpu_prepare import scores
from marslab.kernels.wkv7.gpu_tiles import (
    ages,
    column_of,
    mild,
    product,
    put,
    row_of,
    tile,
)


@triton.jit
def _factored(r, k, a, b, sums, before, rb, rk, ab, ak, MATH: tl.constexpr):
    """`_inside` where decays are mild: matrix products, and a difference of two running sums."""
    since, asked = tl.exp(sums.to(r.dtype)), tl.exp(before.to(r.dtype))
    young = tl.exp(-sums.to(r.dtype))
    reads, asks, aged_b, aged_k = r * since, a * asked, b * young, k * young
    dr = since * (product(rb, aged_b, MATH) + product(rk, aged_k, MATH))
    da = asked * (product(ab, aged_b, MATH) + product(ak, aged_k, MATH))
    rb, rk, ab, ak = tl.trans(rb), tl.trans(rk), tl.trans(ab), tl.trans(ak)
    db = young * (product(rb, reads, MATH) + product(ab, asks, MATH))
    dk = young * (product(rk, reads, MATH) + product(ak, asks, MATH))
    asked = a * da
    dw = tl.cumsum(r * dr + asked - b * db - k * dk, 0, reverse=True) - asked
    return dr, dk, da, db, dw


@triton.jit
def _one_by_one(r, k, a, b, sums, before, rb, rk, ab, ak, t, T: tl.constexpr):
    """`_inside` for any decay: what step i wrote, followed to all later steps, i after i."""
    dr, dk, da, db, dw = r * 0.0, r * 0.0, r * 0.0, r * 0.0, r * 0.0
    here = t[:, None]
    for i in range(0, T):
        b_i, k_i, sums_i = row_of(b, i, t), row_of(k, i, t), row_of(sums, i, t)
        later = here > i
        age = tl.where(here < i, 0.0, tl.exp(tl.where(later, sums - sums_i, 0.0).to(r.dtype)))
        until = tl.where(later, before - sums_i, 0.0).to(r.dtype)
        asked = tl.where(later, tl.exp(until), 0.0)
        rb_i, rk_i = column_of(rb, i, t), column_of(rk, i, t)
        ab_i, ak_i = column_of(ab, i, t), column_of(ak, i, t)
        dr_i, da_i = age * (rb_i * b_i + rk_i * k_i), asked * (ab_i * b_i + ak_i * k_i)
        db_i = tl.sum(age * rb_i * r + asked * ab_i * a, 0)[None, :]
        dk_i = tl.sum(age * rk_i * r + asked * ak_i * a, 0)[None, :]
        dr += dr_i
        da += da_i
        db += tl.where(here == i, db_i, 0.0)
        dk += tl.where(here == i, dk_i, 0.0)
        over = tl.cumsum(r * dr_i + a * da_i, 0, reverse=True) - a * da_i
        dw += tl.where(later, over, 0.0)
    return dr, dk, da, db, dw


@triton.jit
def _inside(r, k, a, b, sums, before, rb, rk, ab, ak, t, MATH: tl.constexpr, T: tl.constexpr):
    """What pairs of steps of the chunk add to (dr, dk, da, db, dw), from gradients of scores."""
    if mild(sums, t, T):
        dr, dk, da, db, dw = _factored(r, k, a, b, sums, before, rb, rk, ab, ak, MATH)
    else:
        dr, dk, da, db, dw = _one_by_one(r, k, a, b, sums, before, rb, rk, ab, ak, t, T)
    return dr, dk, da, db, dw


@triton.jit
def _operands(
    r_ptr, w_ptr, k_ptr, a_ptr, b_ptr, t, n, count, K, stride, dtype: tl.constexpr,
):  # fmt: skip
    """r, k, a, b [T, K], and the sums of w with and without each step's own."""
    narrow: tl.constexpr = k_ptr.dtype.element_ty.primitive_bitwidth == 16
    r, k = (
        tile(r_ptr, t, n, count, K, stride, dtype),
        tile(k_ptr, t, n, count, K, stride, dtype),
    )
    a, b = (
        tile(a_ptr, t, n, count, K, stride, dtype),
        tile(b_ptr, t, n, count, K, stride, dtype),
    )
    sums, before = ages(w_ptr, t, n, count, K, stride, narrow)
    return r, k, a, b, sums, before


@triton.jit
def _until_end(sums, t, T: tl.constexpr, dtype: tl.constexpr):
    """Decays over the whole chunk [1, K], and from after each step to its end [T, K]."""
    end = tl.sum(tl.where(t[:, None] == T - 1, sums, 0.0), 0)[None, :]
    return tl.exp(end.to(dtype)), tl.exp((end - sums).to(dtype))


@triton.jit
def gradients(
    r_ptr, w_ptr, k_ptr, v_ptr, a_ptr, b_ptr, dy_ptr, S_ptr, G_ptr, u_ptr, du_ptr,
    dr_ptr, dw_ptr, dk_ptr, dv_ptr, da_ptr, db_ptr, total_ptr, L, H, K, V, chunks,
    MATH: tl.constexpr, FINE: tl.constexpr, T: tl.constexpr, N: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    """MATH: how products are taken, FINE those of which differences are taken; N rows at a time.

    A log decay at step t acts on what passes over t: what later steps read from S, what earlier
    steps wrote and G sees, what of S survives, and pairs of steps on both sides of t.
    """
    dtype: tl.constexpr = total_ptr.dtype.element_ty
    chunk = tl.program_id(0).to(tl.int64)
    head, start = chunk // chunks, (chunk % chunks) * T
    place = (head // H * L + start) * H + head % H
    of_keys, of_values = place * K, place * V
    t, n, count = tl.arange(0, T), tl.arange(0, KP), L - start
    r, k, a, b, sums, before = _operands(
        r_ptr + of_keys, w_ptr + of_keys, k_ptr + of_keys, a_ptr + of_keys, b_ptr + of_keys,
        t, n, count, K, H * K, dtype,
    )  # fmt: skip
    _, rk, _, ak = scores(r, k, a, b, sums, before, t, FINE, T)
    _, rest = _until_end(sums, t, T, dtype)
    k_rest = k * rest
    pairs_rb, pairs_rk = tl.zeros([T, T], dtype), tl.zeros([T, T], dtype)
    pairs_ab, pairs_ak = tl.zeros([T, T], dtype), tl.zeros([T, T], dtype)
    dr, da = tl.zeros([T, KP], dtype), tl.zeros([T, KP], dtype)
    db, dk = tl.zeros([T, KP], dtype), tl.zeros([T, KP], dtype)
    over = tl.zeros([KP], dtype)
    for first in range(0, V, N):
        row = first + tl.arange(0, N)
        v = tile(v_ptr + of_values, t, row, count, V, H * V, S_ptr.dtype.element_ty)
        dy = tile(dy_ptr + of_values, t, row, count, V, H * V, S_ptr.dtype.element_ty)
        u = tile(u_ptr + chunk * T * V, t, row, T, V, V, S_ptr.dtype.element_ty)
        du = tile(du_ptr + chunk * T * V, t, row, T, V, V, S_ptr.dtype.element_ty)
        S = tile(S_ptr + chunk * V * K, row, n, V, K, K, S_ptr.dtype.element_ty)
        G = tile(G_ptr + chunk * V * K, row, n, V, K, K, S_ptr.dtype.element_ty)
        pairs_rb += product(dy, tl.trans(u), MATH)
        pairs_rk += product(dy, tl.trans(v), MATH)
        pairs_ab += product(du, tl.trans(u), MATH)
        pairs_ak += product(du, tl.trans(v), MATH)
        dr += product(dy, S, MATH)
        da += product(du, S, MATH)
        db += product(u, G, MATH)
        dk += product(v, G, MATH)
        over += tl.sum(S.to(dtype) * G.to(dtype), 0)
        dv = product(k_rest, tl.trans(G), MATH) + product(tl.trans(rk), dy, MATH)
        dv += product(tl.trans(ak), du, MATH)
        put(dv_ptr + of_values, dv, t, row, count, V, H * V)
    seen, earlier = t[:, None] >= t[None, :], t[:, None] > t[None, :]
    pairs_rb, pairs_rk = tl.where(seen, pairs_rb, 0.0), tl.where(seen, pairs_rk, 0.0)
    pairs_ab, pairs_ak = tl.where(earlier, pairs_ab, 0.0), tl.where(earlier, pairs_ak, 0.0)
    r, k, a, b, sums, before = _operands(  # again: from the cache, not kept in registers above
        r_ptr + of_keys, w_ptr + of_keys, k_ptr + of_keys, a_ptr + of_keys, b_ptr + of_keys,
        t, n, count, K, H * K, dtype,
    )  # fmt: skip
    total, rest = _until_end(sums, t, T, dtype)
    dr, da = dr * tl.exp(sums.to(dtype)), da * tl.exp(before.to(dtype))
    db, dk = db * rest, dk * rest
    asked, written = a * da, b * db + k * dk
    dw = tl.cumsum(r * dr + asked, 0, reverse=True) - asked + tl.cumsum(written, 0) - written
    dw += total * over[None, :]
    dr_in, dk_in, da_in, db_in, dw_in = _inside(
        r, k, a, b, sums, before, pairs_rb, pairs_rk, pairs_ab, pairs_ak, t, FINE, T
    )
    put(dr_ptr + of_keys, dr + dr_in, t, n, count, K, H * K)
    put(dw_ptr + of_keys, dw + dw_in, t, n, count, K, H * K)
    put(dk_ptr + of_keys, dk + dk_in, t, n, count, K, H * K)
    put(da_ptr + of_keys, da + da_in, t, n, count, K, H * K)
    put(db_ptr + of_keys, db + db_in, t, n, count, K, H * K)
