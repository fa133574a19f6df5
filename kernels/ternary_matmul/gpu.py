"""Triton: custom op around the kernels of gpu_product.py.

One row of x is bound by memory: the bytes of W are read once, and told apart in registers. Many
rows are bound by the matrix product, which runs on tensor cores for 16-bit x, where a weight is
exact.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import interpreted
from marslab.kernels.checks import state_dtype
from marslab.kernels.ternary_matmul import autograd, gpu_product
from marslab.kernels.ternary_matmul.packing import PLACES


class Plan(NamedTuple):
    """Tile of a kernel: M rows of x, N rows of W, J bytes of each; warps; sums by tl.dot or not."""

    M: int
    N: int
    J: int
    warps: int
    dot: bool


ONE_ROW = Plan(1, 16, 256, 4, False)
FEW_ROWS = Plan(16, 64, 64, 4, True)
MANY_ROWS = Plan(64, 64, 32, 4, True)
SINGLE = Plan(32, 32, 16, 4, True)  # float32: no tensor cores, the tile has to fit the registers
DOUBLE = Plan(4, 16, 32, 4, False)
FEW = 32  # rows


def plan(x: Tensor) -> Plan:
    """The tile for this x."""
    if x.shape[0] == 1:
        return ONE_ROW
    if x.element_size() > 2:
        return DOUBLE if x.dtype == torch.float64 else SINGLE
    return FEW_ROWS if x.shape[0] <= FEW else MANY_ROWS


def _launch(x: Tensor, packed: Tensor, out: Tensor, packing: str, across: bool) -> None:
    M, (N, J), tile = x.shape[0], packed.shape, plan(x)
    K = out.shape[1] if across else x.shape[1]
    narrow = tile.dot and x.element_size() == 2 and not interpreted()
    run = getattr(gpu_product, "across" if across else "along")
    blocks = -(-J // tile.J) * PLACES[packing] if across else -(-N // tile.N)
    run[(blocks, -(-M // tile.M))](
        x, packed, out, M, N, K, J,
        packing == "5trit", PLACES[packing], tile.dot, narrow, tile.M, tile.N, tile.J,
        num_warps=tile.warps,
    )  # fmt: skip


@torch.library.custom_op("marslab::ternary_product_triton", mutates_args=())
def kernel(x: Tensor, packed: Tensor, K: int, packing: str, across: bool) -> Tensor:
    """(x, packed, K, packing, across) -> x W^T, or with `across` x W."""
    shape = (x.shape[0], K if across else packed.shape[0])
    if x.numel() == 0 or packed.numel() == 0:
        return x.new_zeros(shape, dtype=state_dtype(x.dtype))
    out = x.new_empty(shape, dtype=state_dtype(x.dtype))
    inputs = x.contiguous(), packed.contiguous()
    with torch.cuda.device_of(x):
        _launch(*inputs, out, packing, across)
    return out


@kernel.register_fake
def _(x, packed, K, packing, across):
    return x.new_empty((x.shape[0], K if across else packed.shape[0]), dtype=state_dtype(x.dtype))


autograd.KERNELS["triton"] = kernel


def product(x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """Return x @ W^T [M, N] for x [M, K], in the dtype in which sums are taken."""
    return autograd.product("triton", x, packed, packing)
