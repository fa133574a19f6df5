"""What `circular_conv` and `circular_corr` are tried and timed with, and their least cost."""

from math import log2
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.roofline import Cost
from marslab.kernels.testing import wide

LETTERS = ("B", "D")


class Operands(NamedTuple):
    """a and b [B, D], in the order of the arguments: the key, and what is bound to it."""

    a: Tensor
    b: Tensor


def draw(
    sizes: tuple[int, int],
    dtype: torch.dtype = torch.float64,
    *,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw keys of variance 1/D, which leave lengths about as they are, and values of variance 1.

    Shapes (B batch, D width):
        sizes: (B, D)
    """
    a, b = (torch.randn(sizes, dtype=wide(dtype), device=device) for _ in "ab")
    return Operands((a / max(sizes[1], 1) ** 0.5).to(dtype), b.to(dtype))


def unitary(
    sizes: tuple[int, int],
    dtype: torch.dtype = torch.float64,
    *,
    device: str | torch.device = "cpu",
) -> Tensor:
    """Draw keys whose every frequency has magnitude 1: what they bind is unbound exactly.

    Shapes (B batch, D width):
        sizes: (B, D); returns: [B, D]

    Source:
        Plate 1995, "Holographic reduced representations" (unitary vectors).
    """
    D = sizes[1]
    key = draw(sizes, wide(dtype), device=device).a
    spectrum = torch.fft.fft(key)
    key = torch.fft.ifft(spectrum / spectrum.abs()) if D else spectrum
    return (key if dtype.is_complex else key.real).to(dtype)


def cost(sizes: tuple[int, int], itemsize: int, backward: bool = False) -> Cost:
    """Count what real vectors need when nothing is moved twice.

    Forward reads a and b and writes c. Forward and backward together also read a, b and dc and
    write da and db. Work is counted as that of real transforms, 2.5 D log2(D) each: three forward,
    three more backward where the spectra of a and b are kept; products are left out.

    >>> cost((64, 1024), itemsize=4).bytes / 2**20
    0.75
    """
    B, D = sizes
    passes, transforms = (8, 6) if backward else (3, 3)
    flops = round(transforms * 2.5 * B * D * log2(max(D, 1)))
    return Cost(passes * B * D * itemsize, flops)
