"""Triton kernels: a few rows of x times W^T, or times W, straight from the bytes; and W unpacked.

Sums stay in registers, cell by cell, and are joined once at the end.
"""

import triton
import triton.language as tl


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
def along(
    x_ptr, packed_ptr, out_ptr, N, K, J, TRITS: tl.constexpr, PLACES: tl.constexpr,
    BN: tl.constexpr, BJ: tl.constexpr,
):  # fmt: skip
    """x [M, K], packed [N, J] -> x W^T [M, N]; BN rows of W and a row of x a program."""
    m = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0).to(tl.int64) * BN + tl.arange(0, BN)
    dtype = out_ptr.dtype.element_ty
    total = tl.zeros((BN, BJ), dtype)
    for start in range(0, J, BJ):
        j = start + tl.arange(0, BJ)
        inside = (n < N)[:, None] & (j < J)[None, :]
        byte = tl.load(packed_ptr + n[:, None] * J + j[None, :], mask=inside, other=0)
        byte = byte.to(tl.int32)
        for i in tl.static_range(PLACES):
            k = i * J + j
            x = tl.load(x_ptr + m * K + k, mask=(j < J) & (k < K), other=0.0)
            half = 0.5 * x.to(dtype)
            total += half[None, :] * _twice(byte, i, TRITS).to(dtype)
    tl.store(out_ptr + m * N + n, tl.sum(total, 1), mask=n < N)


@triton.jit
def across(
    x_ptr, packed_ptr, out_ptr, M, N, K, J, share, TRITS: tl.constexpr, PLACES: tl.constexpr,
    BN: tl.constexpr, BJ: tl.constexpr,
):  # fmt: skip
    """x [M, N], packed [N, J] -> out [shares, M, K], whose sum is x W.

    Programs: a place of BJ bytes, and a row of x, on axes 0 and 1; `share` rows of W on axis 2.
    """
    i = tl.program_id(0) % PLACES
    j = tl.program_id(0) // PLACES * BJ + tl.arange(0, BJ)
    m, part = tl.program_id(1).to(tl.int64), tl.program_id(2)
    dtype = out_ptr.dtype.element_ty
    total = tl.zeros((BN, BJ), dtype)
    last = tl.minimum(N, (part + 1) * share)
    for start in range(part * share, last, BN):
        n = start + tl.arange(0, BN)
        inside = (n < last)[:, None] & (j < J)[None, :]
        byte = tl.load(packed_ptr + n[:, None].to(tl.int64) * J + j[None, :], mask=inside, other=0)
        half = 0.5 * tl.load(x_ptr + m * N + n, mask=n < last, other=0.0).to(dtype)
        total += half[:, None] * _twice(byte.to(tl.int32), i, TRITS).to(dtype)
    k = i * J + j
    tl.store(out_ptr + (part * M + m) * K + k, tl.sum(total, 0), mask=(j < J) & (k < K))


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
