"""Weights -1, 0, +1 in bytes: four of 2 bits, or five that share a byte as the digits of a number.

A byte holds weights that stand far apart. With J bytes a row (J = ceil(K / 4) or ceil(K / 5)) place
i of byte j is weight i * J + j: neighbours in a place are neighbours among the weights, so that a
whole register of bytes is worked on at once, beside a whole register of x. Weights beyond K are 0.

    2bit:  a weight is a whole number of 2 bits in two's complement (0, 1, 3 for -1), place 0 lowest
    5trit: the byte is the sum over i of (weight + 1) * 3^i, from 0 to 242
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from marslab.kernels.checks import REAL, is_tensor, shaped

PLACES = {"2bit": 4, "5trit": 5}  # weights in a byte
LARGEST = 3**5 - 1  # the largest byte of five trits
WEIGHTS = (*REAL, torch.int8, torch.int16, torch.int32, torch.int64)


def places(op: str, packing: str) -> int:
    """How many weights a byte holds.

    Errors:
        ValueError: no such packing
    """
    if packing not in PLACES:
        raise ValueError(f"{op}: unknown packing {packing!r}; choose from {list(PLACES)}")
    return PLACES[packing]


def pack_ternary(W: Tensor, packing: str = "2bit") -> Tensor:
    """Pack weights -1, 0, +1 into bytes: 2 bits each, or five to a byte (1.6 bits each).

    Shapes (N rows, K columns):
        W: [N, K] floating point or signed integers
        returns: [N, ceil(K / 4)] uint8, with "5trit" [N, ceil(K / 5)]

    Errors:
        TypeError: not a tensor of numbers
        ValueError: W has another rank or other values, or there is no such packing

    >>> pack_ternary(torch.tensor([[1, 0, -1, 1]])).tolist()
    [[113]]
    >>> unpack_ternary(pack_ternary(torch.tensor([[1, 0, -1, 1]]), "5trit"), 4, "5trit").tolist()
    [[1, 0, -1, 1]]
    """
    count = places("pack_ternary", packing)
    is_tensor("pack_ternary", "W", W, only=WEIGHTS)
    shaped("pack_ternary", "W", W, "[N, K]", (None, None))
    bad = W[(W != 0) & (W.abs() != 1)]
    if bad.numel():
        raise ValueError(f"pack_ternary: W must hold -1, 0 and 1 only, got {bad[0].item():.6g}")
    row = F.pad(W.to(torch.int16), (0, -W.shape[1] % count)).unflatten(1, (count, -1))
    packed = torch.zeros_like(row[:, 0])
    for i in range(count):
        packed += (row[:, i] & 3) << 2 * i if packing == "2bit" else (row[:, i] + 1) * 3**i
    return packed.to(torch.uint8)


def unpack_ternary(packed: Tensor, K: int, packing: str = "2bit") -> Tensor:
    """Undo `pack_ternary`.

    Shapes (N rows, K columns):
        packed: [N, ceil(K / 4)] uint8, with "5trit" [N, ceil(K / 5)]
        returns: W [N, K] int8

    Errors:
        TypeError: not a tensor of uint8
        ValueError: the rows are not those of K weights, a byte that stands for no weights, or
            there is no such packing

    >>> unpack_ternary(torch.tensor([[113]], dtype=torch.uint8), 4).tolist()
    [[1, 0, -1, 1]]
    """
    count = places("unpack_ternary", packing)
    is_tensor("unpack_ternary", "packed", packed, only=(torch.uint8,))
    shaped("unpack_ternary", "packed", packed, "[N, bytes of K]", (None, -(-K // count)))
    if packing == "2bit":
        bad = packed[((packed & ~(packed << 1)) & 0b10101010) != 0]
    else:
        bad = packed[packed > LARGEST]
    if bad.numel():
        raise ValueError(
            f"unpack_ternary: packed must come from pack_ternary with packing {packing!r},"
            f" got the byte {bad[0].item()}"
        )
    return weights(packed, K, packing)


def weights(packed: Tensor, K: int, packing: str) -> Tensor:
    """The weights [N, K] int8 of bytes that are known to hold some."""
    signed = packed.to(torch.int16)
    if packing == "2bit":
        parts = [((signed >> 2 * i) + 1 & 3) - 1 for i in range(4)]
    else:
        parts = [signed // 3**i % 3 - 1 for i in range(5)]
    return torch.cat(parts, 1)[:, :K].to(torch.int8)
