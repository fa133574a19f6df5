"""Triton: custom op around the kernels of gpu_product.py, and the matrix product of the library.

A few rows of x are bound by memory: the bytes of W are read and told apart in registers. Many rows
are bound by the matrix product. Then W is unpacked, some of it at a time, and the library
multiplies: 16-bit x on tensor cores, where a weight is exact.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import interpreted
from marslab.kernels.checks import state_dtype
from marslab.kernels.launching import fresh
from marslab.kernels.ternary_matmul import autograd, gpu_product
from marslab.kernels.ternary_matmul.packing import PLACES

FEW = 4  # rows of x up to which they meet the bytes directly, at most 4
UNPACKED = 2**24  # weights that are there as numbers at once
DEPTH = 2048  # terms of a float32 sum: longer ones lose digits, so theirs are added up


class Plan(NamedTuple):
    """Tile of a kernel: N rows of W, J bytes of each; warps. Or J weights, or N x J results."""

    N: int
    J: int
    warps: int


ALONG = {"2bit": Plan(8, 128, 1), "5trit": Plan(16, 128, 4)}
ACROSS = Plan(8, 128, 1)
UNPACK = Plan(8, 512, 4)
SCALED = Plan(2, 1024, 4)
SHARES = 64  # of the rows of W, for `across`


def _run(name: str, tile: Plan, grid: tuple[int, ...], *args: object) -> None:
    getattr(gpu_product, name)[grid](*args, tile.N, tile.J, num_warps=tile.warps)


def _few(x: Tensor, packed: Tensor, out: Tensor, packing: str, across: bool) -> Tensor:
    M, (N, J), K = x.shape[0], packed.shape, out.shape[1] if across else x.shape[1]
    kind = packing == "5trit", PLACES[packing], M
    if not across:
        tile = ALONG[packing]
        _run("along", tile, (-(-N // tile.N),), x, packed, out, N, K, J, *kind)
        return out
    share, blocks = -(-N // SHARES), -(-J // ACROSS.J) * PLACES[packing]
    parts = out.new_empty((-(-N // share), M, K))
    _run("across", ACROSS, (blocks, len(parts)), x, packed, parts, N, K, J, share, *kind)
    return parts.sum(0)


def _unpacked(packed: Tensor, columns: range, like: Tensor, packing: str) -> Tensor:
    """The weights of all rows and some columns as numbers."""
    (N, J), K = packed.shape, len(columns)
    out, grid = like.new_empty((N, K)), (-(-N // UNPACK.N), -(-K // UNPACK.J))
    _run("unpack", UNPACK, grid, packed, out, N, J, columns.start, K, packing == "5trit")
    return out


def _multiply(x: Tensor, w: Tensor, out: Tensor) -> None:
    """out = x w."""
    if x.dtype != out.dtype:
        torch.mm(x, w, out_dtype=out.dtype, out=out)
        return
    for low in range(0, x.shape[1], DEPTH):
        terms = slice(low, low + DEPTH)
        torch.addmm(out, x[:, terms], w[terms], beta=min(low, 1), out=out)


def _many(x: Tensor, packed: Tensor, out: Tensor, packing: str, across: bool) -> Tensor:
    if interpreted():  # a CPU gives 16-bit products in 16 bits
        x = x.to(out.dtype)
    length = x.shape[1]
    step = max(1, UNPACKED // length)
    for low in range(0, out.shape[1], step):
        some = slice(low, min(low + step, out.shape[1]))
        if across:
            weights = _unpacked(packed, range(some.start, some.stop), x, packing)
        else:
            weights = _unpacked(packed[some], range(length), x, packing).T
        _multiply(x, weights, out[:, some])
    return out


@torch.library.custom_op("marslab::ternary_product_triton", mutates_args=())
def kernel(x: Tensor, packed: Tensor, K: int, packing: str, across: bool) -> Tensor:
    """(x, packed, K, packing, across) -> x W^T, or with `across` x W."""
    shape = (x.shape[0], K if across else packed.shape[0])
    if x.numel() == 0 or packed.numel() == 0:
        return x.new_zeros(shape, dtype=state_dtype(x.dtype))
    out = x.new_empty(shape, dtype=state_dtype(x.dtype))
    inputs = x.contiguous(), packed.contiguous()
    with torch.cuda.device_of(x):
        return (_few if x.shape[0] <= FEW else _many)(*inputs, out, packing, across)


@kernel.register_fake
def _(x, packed, K, packing, across):
    return x.new_empty((x.shape[0], K if across else packed.shape[0]), dtype=state_dtype(x.dtype))


@torch.library.custom_op("marslab::ternary_scaled_triton", mutates_args=())
def scaled(product: Tensor, scale: Tensor, like: Tensor) -> Tensor:
    """scale * product [M, N] in the dtype of `like`; torch takes thrice the time over many rows."""
    out, (M, N) = fresh(like, *product.shape), product.shape
    if product.numel():
        grid = -(-M // SCALED.N), -(-N // SCALED.J)
        operands = product.contiguous(), scale.contiguous(), out, M, N, scale.ndim == 1
        with torch.cuda.device_of(product):
            _run("scaled", SCALED, grid, *operands)
    return out.to(like.dtype)


@scaled.register_fake
def _(product, scale, like):
    return like.new_empty(product.shape)


autograd.KERNELS["triton"] = kernel
autograd.TENSOR_CORES["triton"] = FEW + 1


def product(x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """Return x @ W^T [M, N] for x [M, K], in the dtype in which sums are taken."""
    return autograd.product("triton", x, packed, packing)
