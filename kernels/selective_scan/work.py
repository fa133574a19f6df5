"""What `selective_scan` is tried and timed with: operands within its law, and their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost

LETTERS = ("B", "L", "D", "N")


class Operands(NamedTuple):
    """x, dt [B, L, D], A [D, N], B, C [B, L, N], D [D], h0 [B, D, N]: the op's arguments."""

    x: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    h0: Tensor


def draw(
    sizes: tuple[int, int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands: dt in [1e-3, 1e-1] and A in [-16, -1e-4], both evenly in their logarithm.

    Shapes (B batch, L length, D width, N state):
        sizes: (B, L, D, N)
        returns: the operands; h0 is float32 beside 16-bit inputs
    """
    B, L, D, N = sizes

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, device=device).to(dtype)

    def between(low: float, high: float, *shape: int) -> Tensor:
        even = torch.rand(shape, dtype=torch.float64, device=device)
        return (low * (high / low) ** even).to(decay_dtype or dtype)

    dt, A = between(1e-3, 1e-1, B, L, D), -between(1e-4, 16.0, D, N)
    x, gate_in, gate_out = normal(B, L, D), normal(B, L, N), normal(B, L, N)
    h0 = normal(B, D, N).to(state_dtype(dtype))
    return Operands(x, dt, A, gate_in, gate_out, normal(D), h0)


def cost(sizes: tuple[int, int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice and no state is kept in memory.

    Bytes: forward reads x, dt, B, C, A, D, h0 and writes y and the last state. The backward reads
    those operands, dy and dstate again and writes a gradient for each operand. A, D and states
    are float32 at least.

    Operations, for each of the B L D N states of all steps, a multiply-add two and an exponential
    one: forward 8 (dt A, its exponential, dB x in two, the state in two, its share of y in two).
    The backward works those states out again (6) and does 24 more: what reaches the state 2, dB
    and dC 4, dx 2, ddt 6, dA 8, what goes on to the step before 2.

    Units:
        itemsize: bytes of one element of x

    >>> cost((8, 4096, 2048, 16), itemsize=4).bytes / 2**20
    774.13...
    >>> cost((1, 1, 1, 1), itemsize=4, backward=True).flops
    38
    """
    B, L, D, N = sizes
    wide, narrow, weights, state = B * L * D, 2 * B * L * N, D * N + D, B * D * N
    items = 3 * wide + narrow
    at_least_float32 = weights + 2 * state
    if backward:
        items += 5 * wide + 2 * narrow
        at_least_float32 += 2 * weights + 3 * state
    flops = (8 + 30 * backward) * B * L * D * N
    return Cost(items * itemsize + at_least_float32 * max(itemsize, 4), flops)
