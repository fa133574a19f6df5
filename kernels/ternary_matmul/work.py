"""What `ternary_matmul` is tried and timed with: random weights, and the least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost
from marslab.kernels.ternary_matmul.packing import pack_ternary, places
from marslab.kernels.testing import wide

LETTERS = ("M", "N", "K")


class Operands(NamedTuple):
    """x [M, K], packed [N, ceil(K / 4)] and scale [N], in the order of the arguments."""

    x: Tensor
    packed: Tensor
    scale: Tensor


def draw(
    sizes: tuple[int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    packing: str = "2bit",
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw x of variance 1, weights that are -1, 0 and 1 equally often, scales around 1/sqrt(K).

    Shapes (M rows of x, N outputs, K inputs):
        sizes: (M, N, K)
        returns: x [M, K], packed [N, bytes of K], scale [N] float32 at least
    """
    M, N, K = sizes
    x = torch.randn(M, K, dtype=wide(dtype), device=device).to(dtype)
    W = torch.randint(-1, 2, (N, K), device=device)
    scale = (0.5 + torch.rand(N, dtype=wide(dtype), device=device)) / max(K, 1) ** 0.5
    return Operands(x, pack_ternary(W, packing), scale.to(state_dtype(dtype)))


def cost(
    sizes: tuple[int, int, int], itemsize: int, backward: bool = False, *, packing: str = "2bit"
) -> Cost:
    """Count what the op needs when nothing is moved twice.

    Forward reads x, the bytes of W and the scales, and writes y. The backward reads dy, y's part
    without scale, the bytes and the scales, and writes dx and dscale. A weight counts as one
    multiply-add, once forward and once more backward.

    Units:
        itemsize: bytes of one element of x and y

    >>> cost((1, 8192, 8192), itemsize=4).bytes / 2**20
    16.09375
    """
    M, N, K = sizes
    scale = max(itemsize, 4)
    packed = N * -(-K // places("ternary_matmul", packing))
    moved = M * (K + N) * itemsize + packed + N * scale
    if backward:
        moved += M * (K + N) * itemsize + M * N * scale + packed + 2 * N * scale
    return Cost(moved, (4 if backward else 2) * M * N * K)
