"""Triton: what the kernels of a sweep share, and the kernel of the residual.

A sweep is x = a before + b with a and b made from p, the product of the old x:

    the states      a = gamma[t]      b = z[t] sigmoid(p[t-1])      p = W x
    in reverse      a = gamma[t+1]    b = z[t] + p[t+1]             p = W^T (r x), z stands for dh
"""

import triton
import triton.language as tl

from marslab.kernels.linear_scan.gpu_tiles import time_of


@triton.jit
def linear(p_ptr, first_ptr, z_ptr, gamma_ptr, at, s, d, inside, D, REVERSE: tl.constexpr):
    """(a, b) of x = a before + b at step s; a cell that is not there has (1, 0).

    s, inside: one shape; at, d: what broadcasts to it. `at` counts from where the pointers stand.
    """
    back = D if REVERSE else -D
    p = tl.load(p_ptr + (at + back), mask=inside & (s > 0), other=0.0)
    z = tl.load(z_ptr + at, mask=inside, other=0.0)
    if REVERSE:  # before the first step of this walk stands the gradient of the last state
        a = tl.load(gamma_ptr + (at + back), mask=inside & (s > 0), other=1.0)
        return a.to(p.dtype), z.to(p.dtype) + p
    a = tl.load(gamma_ptr + at, mask=inside, other=1.0)
    first = tl.load(first_ptr + d, mask=d < D, other=0.0)
    p = tl.where(s == 0, first, p)
    return a.to(p.dtype), z.to(p.dtype) / (1.0 + tl.exp(-p))


@triton.jit
def apart(x, y, inside):
    """|x - y|, and |x| where it is finite: as torch_ops.gap has them, 0 for a cell not there."""
    infinite = float("inf")
    same = (x == y) | ((x != x) & (y != y))
    off = tl.abs(tl.where(same, 0.0, x) - tl.where(same, 0.0, y))
    off = tl.where(off == off, off, infinite)
    size = tl.where(tl.abs(x) < infinite, tl.abs(x), 0.0)
    return tl.where(inside, off, 0.0), tl.where(inside, size, 0.0)


@triton.jit
def tell(most_ptr, part, off, size):
    """Store the largest of both [rows, columns] for one part of a row of the batch."""
    tl.store(most_ptr + 2 * part, tl.max(tl.max(off, 0), 0))
    tl.store(most_ptr + 2 * part + 1, tl.max(tl.max(size, 0), 0))


@triton.jit
def residual(
    p_ptr, first_ptr, z_ptr, gamma_ptr, start_ptr, x_ptr, most_ptr, L, D,
    REVERSE: tl.constexpr, WIDE: tl.constexpr, T: tl.constexpr, W: tl.constexpr,
):  # fmt: skip
    """How far x is from the recurrence put to it; a program looks at T steps of W channels."""
    per_step = tl.cdiv(D, W)
    tiles = tl.cdiv(L, T) * per_step
    row = (tl.program_id(0) // tiles).to(tl.int64)
    tile = tl.program_id(0) % tiles
    s = tile // per_step * T + tl.arange(0, T)[:, None]
    d = tile % per_step * W + tl.arange(0, W)[None, :]
    base = row * L * D
    at = time_of(s, L, REVERSE, WIDE) * D + d
    inside = (s < L) & (d < D)
    a, b = linear(  # pyright: ignore[reportGeneralTypeIssues]
        p_ptr + base, first_ptr + row * D, z_ptr + base, gamma_ptr + base, at, s, d, inside, D,
        REVERSE,
    )  # fmt: skip
    back = D if REVERSE else -D
    x = tl.load(x_ptr + base + at, mask=inside, other=0.0)
    before = tl.load(x_ptr + base + at + back, mask=inside & (s > 0), other=0.0)
    start = tl.load(start_ptr + row * D + d, mask=d < D, other=0.0)
    before = tl.where(s == 0, start, before)
    off, size = apart(x, a * before + b, inside)  # pyright: ignore[reportGeneralTypeIssues]
    tell(most_ptr, row * tiles + tile, off, size)
