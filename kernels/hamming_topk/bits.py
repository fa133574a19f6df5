"""Eight bits to a byte, the first in the highest place: the order of numpy.packbits."""

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.checks import is_tensor

HIGHEST_FIRST = (128, 64, 32, 16, 8, 4, 2, 1)


def pack_bits(x: Tensor) -> Tensor:
    """Pack the last axis into bytes; the last byte is filled up with zeros.

    Shapes (D bits):
        x: [..., D] bool; of a bipolar vector x > 0
        returns: [..., ceil(D / 8)] uint8, as numpy.packbits

    Errors:
        TypeError: not a tensor of bool
        ValueError: x has no axis

    >>> pack_bits(torch.tensor([1, 0, 0, 0, 0, 0, 0, 1, 1]) > 0).tolist()
    [129, 128]
    """
    is_tensor("pack_bits", "x", x, only=(torch.bool,), because="(of a bipolar vector x > 0)")
    if x.ndim == 0:
        raise ValueError("pack_bits: x must be [..., D], got []")
    bits = F.pad(x.to(torch.uint8), (0, -x.shape[-1] % 8)).unflatten(-1, (-1, 8))
    worth = torch.tensor(HIGHEST_FIRST, dtype=torch.uint8, device=x.device)
    return (bits * worth).sum(-1, dtype=torch.uint8)


def unpack_bits(packed: Tensor, D: int) -> Tensor:
    """Undo `pack_bits`: the first D bits of each row.

    Shapes (D bits):
        packed: [..., bytes] uint8
        returns: [..., D] bool

    Errors:
        TypeError: not a tensor of uint8
        ValueError: the rows do not hold D bits

    >>> unpack_bits(torch.tensor([129], dtype=torch.uint8), 8).int().tolist()
    [1, 0, 0, 0, 0, 0, 0, 1]
    """
    is_tensor("unpack_bits", "packed", packed, only=(torch.uint8,))
    if packed.ndim == 0 or not 0 <= D <= 8 * packed.shape[-1]:
        raise ValueError(
            f"unpack_bits: packed must be [..., bytes] with at least D = {D} bits and D at least 0,"
            f" got {list(packed.shape)}"
        )
    worth = torch.tensor(HIGHEST_FIRST, dtype=torch.uint8, device=packed.device)
    return (packed[..., None] & worth).bool().flatten(-2)[..., :D]
