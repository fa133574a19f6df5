"""Hypervectors in 1, 2, 4 or 8 bits: trained through the rounding, stored in packed bytes."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels import pack_bits, unpack_bits

FULL = 32  # "bits" of a vector that is left as it is
# The step, in root mean squares, at which 2^bits even levels lose least of a normal number:
# Max 1960, "Quantizing for minimum distortion" (even spacing); 8 bits by the same rule.
BEST_STEP = {1: 1.59577, 2: 0.99569, 4: 0.33520, 8: 0.03076}
WIDTHS = (*BEST_STEP, FULL)


class Packed(NamedTuple):
    """Numbers low + level * step, the levels in packed bytes.

    Shapes (D width, b bits a number):
        codes: [..., ceil(D b / 8)] uint8; of 1 bit in the order of `pack_bits`
        low, step: [..., 1] floating point
    """

    codes: Tensor
    low: Tensor
    step: Tensor


def quantize(x: Tensor, bits: int, *, zero_point: bool = False) -> Packed:
    """Round each row to 2^bits even levels and pack them.

    Levels lie on both sides of 0, with the step that loses least of normal numbers; with
    `zero_point` they reach from the row's least number to its largest.

    Shapes (D width):
        x: [..., D] real

    Errors:
        ValueError: bits is not 1, 2, 4 or 8

    Source:
        MARS v4, 2.2; erratum M12 (the printed "actual 8-bit" returns floats and no scale).

    >>> packed = quantize(torch.tensor([-3.0, -1.0, 1.0, 3.0]), 2, zero_point=True)
    >>> packed.codes.tolist(), dequantize(packed, 4, 2).tolist()
    ([27], [-3.0, -1.0, 1.0, 3.0])
    """
    level, low, step = _levels(x, bits, zero_point)
    places = torch.arange(bits - 1, -1, -1, device=x.device)
    return Packed(pack_bits((level.long()[..., None] >> places & 1).bool().flatten(-2)), low, step)


def dequantize(packed: Packed, D: int, bits: int) -> Tensor:
    """Return the numbers [..., D] that `quantize` kept."""
    places = torch.arange(bits - 1, -1, -1, device=packed.codes.device)
    found = unpack_bits(packed.codes, D * bits).unflatten(-1, (D, bits))
    return packed.low + packed.step * (found.long() << places).sum(-1)


def fake_quantize(x: Tensor, bits: int, *, zero_point: bool = False) -> Tensor:
    """Return what dequantize(quantize(x)) gives, with the gradient of x itself (straight through).

    A complex row is rounded as one row of real and imaginary parts: `round` knows no complex
    numbers. With 32 bits x is returned as it is.

    Shapes (D width):
        x: [..., D] real or complex

    Errors:
        ValueError: bits is not 1, 2, 4, 8 or 32

    Source:
        Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons";
        errata M10 and M12 (the printed rounding has no gradient).

    >>> x = torch.tensor([-0.4, 2.0], requires_grad=True)
    >>> y = fake_quantize(x, 1)
    >>> y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([-1.15..., 1.15...], [1.0, 1.0])
    """
    if bits == FULL:
        return x
    if x.is_complex():
        parts = torch.view_as_real(x).flatten(-2)
        rounded = fake_quantize(parts, bits, zero_point=zero_point)
        return torch.view_as_complex(rounded.unflatten(-1, (-1, 2)))
    with torch.no_grad():
        level, low, step = _levels(x, bits, zero_point)
        rounded = level.mul_(step).add_(low)
    # x less itself is 0 to the bit, and has the gradient of x
    return rounded + (x - x.detach()) if x.requires_grad else rounded


def _levels(x: Tensor, bits: int, zero_point: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The level of each number, from 0 to 2^bits - 1, and what the levels stand for."""
    if bits not in BEST_STEP:
        raise ValueError(f"bits must be one of {list(BEST_STEP)}, got {bits}")
    top = 2**bits - 1
    if zero_point:
        low = x.amin(-1, keepdim=True)
        step = (x.amax(-1, keepdim=True) - low) / top
    else:
        step = BEST_STEP[bits] * x.square().mean(-1, keepdim=True).sqrt()
        low = -step * top / 2
    # where a row is constant its step is 0, and every level stands for the same number
    level = (x - low).div_(torch.where(step > 0, step, 1.0))  # in place: wide rows, much memory
    return level.round_().clamp_(0, top), low, step
