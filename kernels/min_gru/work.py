"""What `min_gru` is tried and timed with: operands within its law, and their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost

LETTERS = ("B", "L", "D")


class Operands(NamedTuple):
    """z_logit, h_tilde [B, L, D] and h0 [B, D], in the order of the op's arguments."""

    z_logit: Tensor
    h_tilde: Tensor
    h0: Tensor


def draw(
    sizes: tuple[int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands: gates around 1/4, from memories of one step to some of hundreds.

    Shapes (B batch, L length, D width):
        sizes: (B, L, D)
        returns: z_logit [B, L, D], h_tilde [B, L, D], h0 [B, D]; h0 is float32 beside 16 bits
    """
    B, _, D = sizes
    z_logit = 2 * torch.randn(sizes, dtype=torch.float64, device=device) - 1
    h_tilde = torch.randn(sizes, dtype=torch.float64, device=device).to(dtype)
    h0 = torch.randn((B, D), dtype=torch.float64, device=device)
    return Operands(z_logit.to(decay_dtype or dtype), h_tilde, h0.to(state_dtype(dtype)))


def cost(sizes: tuple[int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice.

    Forward reads z_logit, h_tilde and writes h: three passes over [B, L, D]. Forward and backward
    together make nine: the backward reads both and h and dh, and writes two gradients. States
    [B, D] are float32 at least: h0 and the last state, and with the backward h0, dstate and dh0.
    Operations of a cell: 5 forward (two for the gates, a sigmoid counted as one, and three), 9
    more backward (the gates again, two for the flow, one for h_tilde, four for z_logit).

    Units:
        itemsize: bytes of one element of z_logit and h_tilde

    >>> cost((8, 4096, 2048), itemsize=4).bytes / 2**20
    768.125
    """
    B, L, D = sizes
    passes, states, per_cell = (9, 5, 14) if backward else (3, 2, 5)
    return Cost(B * D * (passes * L * itemsize + states * max(itemsize, 4)), per_cell * B * L * D)
