"""What `chunk_reduce` is tried and timed with: operands of its "decay", and their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.roofline import Cost

LETTERS = ("B", "L", "D", "C")


class Operands(NamedTuple):
    """x [B, L, D] and gamma [B, L, D]; the chunk of C steps stands between them, a plain number."""

    x: Tensor
    gamma: Tensor


def draw(
    sizes: tuple[int, int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands: decays in (0.9, 1), a share of which most of a chunk outlives.

    Shapes (B batch, L length, D width, C steps of a chunk):
        sizes: (B, L, D, C)
        returns: x [B, L, D], gamma [B, L, D]
    """
    B, L, D, _ = sizes
    x = torch.randn((B, L, D), dtype=torch.float64, device=device).to(dtype)
    gamma = 0.9 + 0.1 * torch.rand((B, L, D), dtype=torch.float64, device=device)
    return Operands(x, gamma.to(decay_dtype or dtype))


def cost(sizes: tuple[int, int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what "decay" needs when nothing is moved twice.

    Forward reads x and gamma and writes one number for C. The backward reads both and the gradient
    of the result, and writes two gradients. Operations of a cell: a multiplication and an addition
    forward; backward the states again (2), what flows back (1) and two products.

    Units:
        itemsize: bytes of one element of x and gamma

    >>> cost((8, 4096, 1024, 128), itemsize=4).bytes / 2**20
    257.0
    """
    B, L, D, C = sizes
    passes, results, per_cell = (6, 2, 7) if backward else (2, 1, 2)
    return Cost(itemsize * B * D * (passes * L + results * (L // C)), per_cell * B * L * D)
