"""What `decay_product` is tried and timed with: decays within its law, and their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.roofline import Cost

LETTERS = ("B", "L", "D")


class Operands(NamedTuple):
    """gamma [B, L, D], the op's only argument."""

    gamma: Tensor


def draw(
    sizes: tuple[int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    decay: tuple[float, float] = (0.9, 1.0),
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw decays that leave something to multiply for some hundreds of steps.

    Shapes (B batch, L length, D width):
        sizes: (B, L, D)
        returns: gamma [B, L, D]

    Units:
        decay: the least and the largest gamma; decay_dtype: that of gamma, in place of `dtype`
    """
    low, high = decay
    gamma = torch.rand(sizes, dtype=torch.float64, device=device) * (high - low) + low
    return Operands(gamma.to(decay_dtype or dtype))


def cost(sizes: tuple[int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice.

    Forward reads gamma and writes y: two passes over [B, L, D], one multiplication each cell.
    Forward and backward together make six: the backward reads gamma, y and the gradient of y, and
    writes that of gamma, with three more operations.

    Units:
        itemsize: bytes of one element of gamma

    >>> cost((8, 4096, 2048), itemsize=4).bytes / 2**20
    512.0
    """
    B, L, D = sizes
    passes, per_cell = (6, 4) if backward else (2, 1)
    return Cost(passes * B * L * D * itemsize, per_cell * B * L * D)
