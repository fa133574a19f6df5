"""Triton kernels: a few rows of x times W^T, or times W, straight from the bytes.

And for many rows: W unpacked, the result scaled.

Sums stay in registers, cell by cell, and are joined once at the end.
"""

import triton
import triton.language as tl

AHEAD = tl.constexpr(3)  # tiles of bytes under way


@triton.jit
def _twice(byte, i, TRITS: tl.constexpr):
    """Twice the weight in place i of each byte, as float32.

    Two bits at the top of a word are the float 0.0, 2.0 or -2.0, where they are the weight 0, 1 or
    -1 in two's complement: a shift and a mask, and no conversion.
    """
    if TRITS:
        low = tl.where(i == 0, 1, tl.where(i == 1, 3, 9))
        power = tl.where(i < 3, low, tl.where(i == 3, 27, 81))
        n = (byte * ((65535 + power) // power)) >> 16  # byte // power, exact for bytes
        return (2 * n - 6 * ((n * 171) >> 9) - 2).to(tl.float32)
    top = (byte << (30 - 2 * i)) & -(1 << 30)
    return top.to(tl.float32, bitcast=True)


@triton.jit
def _half(x_ptr, at, inside, dtype: tl.constexpr):
    """Half of some x: what multiplies a weight is twice it."""
    return 0.5 * tl.load(x_ptr + at, mask=inside, other=0.0).to(dtype)


@triton.jit
def along(
    x_ptr, packed_ptr, out_ptr, N, K, J, TRITS: tl.constexpr, PLACES: tl.constexpr,
    M: tl.constexpr, BN: tl.constexpr, BJ: tl.constexpr,
):  # fmt: skip
    """x [M, K], packed [N, J] -> x W^T [M, N], M up to 4; BN rows of W a program.

    A byte is taken apart once for all rows of x.
    """
    n = tl.program_id(0).to(tl.int64) * BN + tl.arange(0, BN)
    dtype: tl.constexpr = out_ptr.dtype.element_ty
    sum0 = tl.zeros((BN, BJ), dtype)
    sum1, sum2, sum3 = sum0, sum0, sum0
    for start in tl.range(0, J, BJ, num_stages=AHEAD):
        j = start + tl.arange(0, BJ)
        inside = (n < N)[:, None] & (j < J)[None, :]
        byte = tl.load(packed_ptr + n[:, None] * J + j[None, :], mask=inside, other=0)
        byte = byte.to(tl.int32)
        for i in tl.static_range(PLACES):
            k = i * J + j
            there = (j < J) & (k < K)
            weight = _twice(byte, i, TRITS).to(dtype)
            sum0 += _half(x_ptr, k, there, dtype)[None, :] * weight
            if M > 1:
                sum1 += _half(x_ptr + K, k, there, dtype)[None, :] * weight
            if M > 2:
                sum2 += _half(x_ptr + 2 * K, k, there, dtype)[None, :] * weight
            if M > 3:
                sum3 += _half(x_ptr + 3 * K, k, there, dtype)[None, :] * weight
    tl.store(out_ptr + n, tl.sum(sum0, 1), mask=n < N)
    if M > 1:
        tl.store(out_ptr + N + n, tl.sum(sum1, 1), mask=n < N)
    if M > 2:
        tl.store(out_ptr + 2 * N + n, tl.sum(sum2, 1), mask=n < N)
    if M > 3:
        tl.store(out_ptr + 3 * N + n, tl.sum(sum3, 1), mask=n < N)


@triton.jit
def across(
    x_ptr, packed_ptr, out_ptr, N, K, J, share, TRITS: tl.constexpr, PLACES: tl.constexpr,
    M: tl.constexpr, BN: tl.constexpr, BJ: tl.constexpr,
):  # fmt: skip
    """x [M, N], packed [N, J] -> out [shares, M, K], M up to 4, whose sum is x W.

    Programs: a place of BJ bytes on axis 0, `share` rows of W on axis 1.
    """
    i = tl.program_id(0) % PLACES
    j = tl.program_id(0) // PLACES * BJ + tl.arange(0, BJ)
    part = tl.program_id(1).to(tl.int64)
    dtype: tl.constexpr = out_ptr.dtype.element_ty
    sum0 = tl.zeros((BN, BJ), dtype)
    sum1, sum2, sum3 = sum0, sum0, sum0
    last = tl.minimum(N, (part + 1) * share)
    for start in tl.range(part * share, last, BN, num_stages=AHEAD):
        n = start + tl.arange(0, BN)
        there = n < last
        inside = there[:, None] & (j < J)[None, :]
        byte = tl.load(packed_ptr + n[:, None].to(tl.int64) * J + j[None, :], mask=inside, other=0)
        weight = _twice(byte.to(tl.int32), i, TRITS).to(dtype)
        sum0 += _half(x_ptr, n, there, dtype)[:, None] * weight
        if M > 1:
            sum1 += _half(x_ptr + N, n, there, dtype)[:, None] * weight
        if M > 2:
            sum2 += _half(x_ptr + 2 * N, n, there, dtype)[:, None] * weight
        if M > 3:
            sum3 += _half(x_ptr + 3 * N, n, there, dtype)[:, None] * weight
    k = i * J + j
    inside = (j < J) & (k < K)
    out_ptr += part * M * K
    tl.store(out_ptr + k, tl.sum(sum0, 0), mask=inside)
    if M > 1:
        tl.store(out_ptr + K + k, tl.sum(sum1, 0), mask=inside)
    if M > 2:
        tl.store(out_ptr + 2 * K + k, tl.sum(sum2, 0), mask=inside)
    if M > 3:
        tl.store(out_ptr + 3 * K + k, tl.sum(sum3, 0), mask=inside)


@triton.jit
def unpack(
    packed_ptr, out_ptr, N, J, low, K, TRITS: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):  # fmt: skip
    """packed [N, J] -> out [N, K], the weights from column `low` on."""
    n = tl.program_id(0).to(tl.int64) * BN + tl.arange(0, BN)
    column = tl.program_id(1) * BK + tl.arange(0, BK)
    k = low + column
    inside = (n < N)[:, None] & (column < K)[None, :]
    byte = tl.load(packed_ptr + n[:, None] * J + (k % J)[None, :], mask=inside, other=0)
    weight = 0.5 * _twice(byte.to(tl.int32), (k // J)[None, :], TRITS)
    at = n[:, None] * K + column[None, :]
    tl.store(out_ptr + at, weight.to(out_ptr.dtype.element_ty), mask=inside)


@triton.jit
def scaled(
    product_ptr, scale_ptr, out_ptr, M, N, EACH: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr
):  # fmt: skip
    """product [M, N] times scale: [N] if EACH, else one number."""
    m = tl.program_id(0).to(tl.int64) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    scale = tl.load(scale_ptr + n * EACH, mask=n < N)[None, :]
    at, inside = m[:, None] * N + n[None, :], (m < M)[:, None] & (n < N)[None, :]
    y = scale * tl.load(product_ptr + at, mask=inside)
    tl.store(out_ptr + at, y.to(out_ptr.dtype.element_ty), mask=inside)
