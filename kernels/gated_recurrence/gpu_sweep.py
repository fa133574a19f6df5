"""Triton, the elementwise part of a sweep of the iterated solve, in one pass each.

Between them stand a product with W (torch, tensor cores) and a `linear_scan`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from marslab.kernels.backends import interpreted

BLOCK = 1024  # numbers of one program, in the interpreter fewer: it pays by the element
PARTS = 256  # programs that share a row in `gap`, at the most


@triton.jit
def _drive(p_ptr, first_ptr, z_ptr, b_ptr, cells, D, N: tl.constexpr):
    """b[t] = z[t] * sigmoid(p[t-1]); cells: L * D, the numbers of a row."""
    row = tl.program_id(1).to(tl.int64)
    i = tl.program_id(0).to(tl.int64) * N + tl.arange(0, N)
    z = tl.load(z_ptr + row * cells + i, mask=i < cells, other=0.0)
    p = tl.load(p_ptr + row * cells + i - D, mask=(i < cells) & (i >= D), other=0.0).to(z.dtype)
    first = tl.load(first_ptr + row * D + i, mask=i < D, other=0.0).to(z.dtype)
    b = z / (1.0 + tl.exp(-tl.where(i < D, first, p)))
    tl.store(b_ptr + row * cells + i, b, mask=i < cells)


@triton.jit
def _gap(x_ptr, y_ptr, off_ptr, size_ptr, cells, parts, N: tl.constexpr):
    """The largest |x - y| and |x| of what one of `parts` programs sees of a row."""
    part = tl.program_id(0)
    row = tl.program_id(1).to(tl.int64)
    x_ptr += row * cells
    y_ptr += row * cells
    off = tl.zeros((N,), x_ptr.dtype.element_ty)
    size = off
    infinite = float("inf")
    start = part.to(tl.int64) * N
    while start < cells:
        i = start + tl.arange(0, N)
        x = tl.load(x_ptr + i, mask=i < cells, other=0.0)
        y = tl.load(y_ptr + i, mask=i < cells, other=0.0)
        same = (x == y) | ((x != x) & (y != y))
        apart = tl.abs(tl.where(same, 0.0, x) - tl.where(same, 0.0, y))
        apart = tl.where(apart == apart, apart, infinite)
        off = tl.maximum(off, apart)
        size = tl.maximum(size, tl.where(tl.abs(x) < infinite, tl.abs(x), 0.0))
        start += parts * N
    tl.store(off_ptr + row * parts + part, tl.max(off, 0))
    tl.store(size_ptr + row * parts + part, tl.max(size, 0))


def _block() -> int:
    return 32 if interpreted() else BLOCK


def _launch(kernel, grid: tuple[int, int], x: Tensor, *rest: Tensor | int) -> None:
    with torch.cuda.device_of(x):
        kernel[grid](x, *rest)


def drive(p: Tensor, first: Tensor, z: Tensor) -> Tensor:
    """What a sweep adds at each step, z[t] * sigmoid(p[t-1]), with p[-1] = `first` [B, D]."""
    B, L, D = z.shape
    b, N = torch.empty_like(z), _block()
    _launch(_drive, (-(-L * D // N), B), p, first, z, b, L * D, D, N)
    return b


def gap(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The largest |x - y| and the largest |x| of each row: [B] twice; see torch_ops.gap."""
    B, cells, N = len(x), x[0].numel(), _block()
    parts = min(PARTS, -(-cells // N))
    off, size = (x.new_empty((B, parts)) for _ in "xy")
    _launch(_gap, (parts, B), x, y, off, size, cells, parts, N)
    return off.amax(1), size.amax(1)
