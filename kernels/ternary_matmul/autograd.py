"""Joins the two products of a backend to autograd, torch.func, compile and export.

With p = x W^T the gradient of x is g W, a product with the same bytes the other way round; and the
gradient of that is the first product again. So derivatives of any order are there, and nothing but
the bytes is kept for them.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from marslab.kernels.joining import unwatched

# backend -> its custom op, filled by cpu.py and gpu.py:
# (x, packed, K, packing, across) -> x W^T, or with `across` x W
KERNELS: dict[str, Callable[[Tensor, Tensor, int, str, bool], Tensor]] = {}


# backend -> rows from which it is fast on 16 bits only. There a gradient that ends in 16 bits goes
# through bfloat16, which has the range of float32; elsewhere it stays as it comes, in float32.
TENSOR_CORES: dict[str, int] = {}


def product(backend: str, x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """Return x @ W^T [M, N] for x [M, K], by the kernels of `backend`, differentiable."""
    if unwatched(x):
        return KERNELS[backend](x, packed, x.shape[1], packing, False)
    return Product.apply(backend, x, packed, x.shape[1], packing, False)  # pyright: ignore[reportReturnType]


class Product(torch.autograd.Function):
    """(backend, x, packed, K, packing, across) -> x W^T [M, N], or with `across` x W [M, K]."""

    @staticmethod
    def forward(backend, x, packed, K, packing, across):
        return KERNELS[backend](x, packed, K, packing, across)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.backend, x, packed, *ctx.options = inputs
        ctx.dtype = x.dtype
        ctx.save_for_backward(packed)

    @staticmethod
    def backward(ctx, *grads):
        (packed,) = ctx.saved_tensors
        K, packing, across = ctx.options
        g = grads[0]
        if ctx.dtype.itemsize == 2 and len(g) >= TENSOR_CORES.get(ctx.backend, math.inf):
            g = g.to(torch.bfloat16)
        dx = Product.apply(ctx.backend, g, packed, K, packing, not across)
        return None, dx.to(ctx.dtype), None, None, None, None  # pyright: ignore[reportOptionalMemberAccess]

    @staticmethod
    def vmap(info, in_dims, *args):
        backend, x, packed, *options = args
        _, x_dim, packed_dim, *_ = in_dims
        if packed_dim is None:
            rows = x.movedim(x_dim, 0)
            out = Product.apply(backend, rows.flatten(0, 1), packed, *options)
            return out.unflatten(0, rows.shape[:2]), 0  # pyright: ignore[reportOptionalMemberAccess]
        out = []
        for i in range(info.batch_size):
            rows = x if x_dim is None else x.select(x_dim, i)
            out.append(Product.apply(backend, rows, packed.select(packed_dim, i), *options))
        return torch.stack(out), 0
