"""What `gated_recurrence` is tried and timed with: operands within its law, their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.roofline import Cost

LETTERS = ("B", "L", "D")


class Operands(NamedTuple):
    """z, gamma [B, L, D], W [D, D] and h0 [B, D], in the order of the op's arguments."""

    z: Tensor
    W: Tensor
    gamma: Tensor
    h0: Tensor


def draw(
    sizes: tuple[int, int, int],
    dtype: torch.dtype = torch.float64,
    *,
    decay_dtype: torch.dtype | None = None,
    norm: float = 1.0,
    decay: tuple[float, float] = (0.9, 0.999),
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw operands: z and h0 normal, W normal and scaled to a spectral norm, gamma uniform.

    Shapes (B batch, L length, D width):
        sizes: (B, L, D)
        returns: z, gamma [B, L, D], W [D, D], h0 [B, D]; h0 is float32 beside 16-bit inputs

    Units:
        norm: the largest singular value of W; decay: the least and the largest gamma
    """
    B, _, D = sizes
    low, high = decay
    z, W, h0 = (
        torch.randn(size, dtype=torch.float64, device=device) for size in (sizes, (D, D), (B, D))
    )
    if D:
        W = W * (norm / torch.linalg.matrix_norm(W, 2))
    gamma = (torch.rand_like(z) * (high - low) + low).to(decay_dtype or dtype)
    return Operands(z.to(dtype), W.to(dtype), gamma, h0.to(state_dtype(dtype)))


def cost(sizes: tuple[int, int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice; the same for both methods.

    Forward reads z, gamma and writes h: three passes over [B, L, D]. The backward reads z, gamma,
    h, dh and writes dz, dgamma: six more. W is read once by each and dW written; states [B, D],
    float32 at least, as in linear_scan. Flops: a product with W for each step and row is 2 D^2;
    the backward takes three (the gates again, W^T, dW). Elementwise work is left out.

    Units:
        itemsize: bytes of one element of z, W and gamma

    >>> cost((32, 1024, 768), itemsize=2).flops / 1e9
    38.654705664
    """
    B, L, D = sizes
    passes, matrices, states, products = (9, 3, 5, 4) if backward else (3, 1, 2, 1)
    numbers = passes * B * L * D + matrices * D * D
    bytes_ = numbers * itemsize + states * B * D * max(itemsize, 4)
    return Cost(bytes_, products * 2 * B * L * D * D)
