"""What `ssd` is tried and timed with: operands within its law, and their least cost."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost
from marslab.kernels.testing import wide

LETTERS = ("B", "L", "H", "P", "G", "N")
Sizes = tuple[int, int, int, int, int, int]


class Operands(NamedTuple):
    """x, dt, A, B, C, D and h0, in the order of the op's arguments."""

    x: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    h0: Tensor


def draw(
    sizes: Sizes,
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands: dt in [1e-3, 1e-1] and A in [-16, -1e-4], log-uniform; the others normal.

    Shapes (B batch, L length, H heads, P head width, G groups, N state):
        sizes: (B, L, H, P, G, N)
        returns: x [B, L, H, P], dt [B, L, H], A [H], B, C [B, L, G, N], D [H], h0 [B, H, P, N];
            h0 is float32 beside 16-bit inputs
    """
    rows, L, H, P, G, N = sizes

    def between(low: float, high: float, *shape: int) -> Tensor:
        share = torch.rand(shape, dtype=torch.float64, device=device)
        drawn = (share * math.log(high / low) + math.log(low)).exp()
        return drawn.to(decay_dtype or dtype)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=wide(dtype), device=device).to(dtype)

    dt, A = between(1e-3, 1e-1, rows, L, H), -between(1e-4, 16.0, H)
    x, B, C = normal(rows, L, H, P), normal(rows, L, G, N), normal(rows, L, G, N)
    h0 = normal(rows, H, P, N).to(state_dtype(dtype))
    return Operands(x, dt, A, B, C, normal(H), h0)


def cost(sizes: Sizes, itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice, done step by step.

    Forward reads x, dt, A, B, C, D, h0 and writes y and the last state. The backward reads the
    operands and the two gradients of the results, and writes a gradient for each operand. States
    are float32 at least. A step takes 5 P N operations a head: decay and write the state (3), read
    it (2). The backward takes 14 more: the states once again (3), their gradient (3), and from the
    two the gradients of x, B, C and the decay (2 each).

    Units:
        itemsize: bytes of one element of x, dt, A, B, C and D

    >>> cost((8, 4096, 32, 64, 1, 128), itemsize=2).bytes / 2**20
    290.0001220703125
    >>> cost((8, 4096, 32, 64, 1, 128), itemsize=2, backward=True).flops / 1e9
    163.208757248
    """
    rows, L, H, P, G, N = sizes
    cells, states = rows * L * H * P, rows * H * P * N
    operands = cells + rows * L * (H + 2 * G * N) + 2 * H
    if backward:
        moved, kept, per_cell = 3 * operands + 2 * cells, 5 * states, 19
    else:
        moved, kept, per_cell = operands + cells, 2 * states, 5
    return Cost(moved * itemsize + kept * max(itemsize, 4), per_cell * cells * N)
