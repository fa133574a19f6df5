"""What `linear_scan` is tried and timed with: operands within its law, and their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost
from marslab.kernels.testing import wide

LETTERS = ("B", "L", "D")


class Operands(NamedTuple):
    """a, b [B, L, D] and h0 [B, D], in the order of the op's arguments."""

    a: Tensor
    b: Tensor
    h0: Tensor


def draw(
    sizes: tuple[int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    decay: tuple[float, float] = (-0.99, 0.99),
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands: decays within bounds, so that the state stays finite.

    Shapes (B batch, L length, D width):
        sizes: (B, L, D)
        returns: a [B, L, D], b [B, L, D], h0 [B, D]; h0 is float32 beside 16-bit inputs

    Units:
        decay: the least and the largest a; with complex numbers of |a|, the phase is any
    """
    low, high = decay
    B, _, D = sizes
    a = torch.rand(sizes, dtype=torch.float64, device=device) * (high - low) + low
    if dtype.is_complex:
        a = torch.polar(a.abs(), torch.rand_like(a) * 2 * torch.pi)
    b = torch.randn(sizes, dtype=wide(dtype), device=device).to(dtype)
    h0 = torch.randn((B, D), dtype=wide(dtype), device=device)
    return Operands(a.to(decay_dtype or dtype), b, h0.to(state_dtype(dtype)))


def cost(sizes: tuple[int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice.

    Forward reads a, b and writes h: three passes over [B, L, D]. Forward and backward together
    make eight: the backward reads a, h, dh and writes da, db. States [B, D] are float32 at least:
    h0 and the last state, and with the backward h0, dstate and dh0.

    Units:
        itemsize: bytes of one element of a and b

    >>> cost((8, 4096, 2048), itemsize=4).bytes / 2**20
    768.125
    >>> cost((8, 4096, 2048), itemsize=2, backward=True).bytes / 2**20
    1024.3125
    """
    B, L, D = sizes
    passes, states, per_cell = (8, 5, 5) if backward else (3, 2, 2)
    return Cost(B * D * (passes * L * itemsize + states * max(itemsize, 4)), per_cell * B * L * D)
