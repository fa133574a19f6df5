"""Triton kernels: x times W^T, and x times W, with W in packed bytes.

DOT: sums by tl.dot. NARROW: on 16-bit numbers as they are, for tensor cores; otherwise x is widened
to the dtype of the sums first, and each tile is summed on its own: one sum over all of K would be
off by more than float32's due (3e-6 for 2.8e-6 at K = 8192).
"""

import triton
import triton.language as tl


@triton.jit
def _weight(byte, i, TRITS: tl.constexpr):
    """The weight in place i of each byte: -1, 0 or 1."""
    if TRITS:
        power = 1
        for _ in range(i):
            power *= 3
        n = (byte * ((65535 + power) // power)) >> 16  # byte // power, exact for bytes
        return n - 3 * ((n * 171) >> 9) - 1
    return ((byte >> (2 * i)) + 1 & 3) - 1


@triton.jit
def along(
    x_ptr, packed_ptr, out_ptr, M, N, K, J,
    TRITS: tl.constexpr, PLACES: tl.constexpr, DOT: tl.constexpr, NARROW: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BJ: tl.constexpr,
):  # fmt: skip
    """x [M, K], packed [N, J] -> x W^T [M, N]; a program walks along its rows of W."""
    m = tl.program_id(1).to(tl.int64) * BM + tl.arange(0, BM)
    n = tl.program_id(0).to(tl.int64) * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), out_ptr.dtype.element_ty)
    for start in range(0, J, BJ):
        j = start + tl.arange(0, BJ)
        inside = (n < N)[:, None] & (j < J)[None, :]
        byte = tl.load(packed_ptr + n[:, None] * J + j[None, :], mask=inside, other=0)
        byte = byte.to(tl.int32)
        for i in tl.static_range(PLACES):
            k = i * J + j
            there = (m < M)[:, None] & ((j < J) & (k < K))[None, :]
            x = tl.load(x_ptr + m[:, None] * K + k[None, :], mask=there, other=0.0)
            x = x if NARROW else x.to(total.dtype)
            w = _weight(byte, i, TRITS).to(x.dtype)
            if DOT and NARROW:
                total = tl.dot(x, tl.trans(w), total)
            elif DOT:
                total += tl.dot(x, tl.trans(w), input_precision="ieee")
            else:
                total += tl.sum(x[:, None, :] * w[None, :, :], 2)
    at = m[:, None] * N + n[None, :]
    tl.store(out_ptr + at, total, mask=(m < M)[:, None] & (n < N)[None, :])


@triton.jit
def across(
    x_ptr, packed_ptr, out_ptr, M, N, K, J,
    TRITS: tl.constexpr, PLACES: tl.constexpr, DOT: tl.constexpr, NARROW: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BJ: tl.constexpr,
):  # fmt: skip
    """x [M, N], packed [N, J] -> x W [M, K]; a program takes one place and walks down the rows."""
    i = tl.program_id(0) % PLACES
    j = tl.program_id(0) // PLACES * BJ + tl.arange(0, BJ)
    k = i * J + j
    m = tl.program_id(1).to(tl.int64) * BM + tl.arange(0, BM)
    total = tl.zeros((BM, BJ), out_ptr.dtype.element_ty)
    for start in range(0, N, BN):
        n = start + tl.arange(0, BN)
        inside = (n < N)[:, None] & (j < J)[None, :]
        byte = tl.load(packed_ptr + n[:, None].to(tl.int64) * J + j[None, :], mask=inside, other=0)
        there = (m < M)[:, None] & (n < N)[None, :]
        x = tl.load(x_ptr + m[:, None] * N + n[None, :], mask=there, other=0.0)
        x = x if NARROW else x.to(total.dtype)
        w = _weight(byte.to(tl.int32), i, TRITS).to(x.dtype)
        if DOT and NARROW:
            total = tl.dot(x, w, total)
        elif DOT:
            total += tl.dot(x, w, input_precision="ieee")
        else:
            total += tl.sum(x[:, :, None] * w[None, :, :], 1)
    there = (m < M)[:, None] & ((j < J) & (k < K))[None, :]
    tl.store(out_ptr + m[:, None] * K + k[None, :], total, mask=there)
