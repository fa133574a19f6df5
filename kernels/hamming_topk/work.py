"""What `hamming_topk` is tried and timed with: random bits, and their least cost."""

from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.hamming_topk.bits import pack_bits
from marslab.kernels.roofline import Cost

LETTERS = ("Q", "N", "D", "K")
RESULT = 4 + 8  # bytes of a distance and of an index
WORD = 64  # bits


class Operands(NamedTuple):
    """query [Q, ceil(D / 8)], codebook [N, ceil(D / 8)] and k, in the order of the arguments."""

    query: Tensor
    codebook: Tensor
    k: int


def draw(
    sizes: tuple[int, int, int, int],
    dtype: torch.dtype = torch.uint8,
    *,
    flipped: float = 0.25,
    device: str | torch.device = "cpu",
) -> Operands:
    """Draw random codes, and queries that are codes with some bits flipped.

    Shapes (Q queries, N codes, D bits, K of them wanted):
        sizes: (Q, N, D, K)

    Units:
        flipped: the share of the bits of a code that a query has otherwise, 0..1

    Errors:
        ValueError: another dtype than uint8
    """
    if dtype != torch.uint8:
        raise ValueError(f"hamming_topk: bits are packed in uint8, got {dtype}")
    Q, N, D, K = sizes
    codes = torch.rand(N, D, device=device) < 0.5
    wanted = torch.randint(N, (Q,), device=device) if N else torch.zeros(0, dtype=torch.int64)
    noise = torch.rand(len(wanted), D, device=device) < flipped
    return Operands(pack_bits(codes[wanted] ^ noise), pack_bits(codes), K)


def cost(sizes: tuple[int, int, int, int], itemsize: int = 1, backward: bool = False) -> Cost:
    """Count what the op needs when nothing is moved twice; there is no backward.

    Queries and codes are read once, distances and indices written once. Work is counted in
    operations on words of 64 bits: exclusive or, count, add.

    >>> cost((64, 4096, 10000, 5)).bytes
    5203840
    """
    Q, N, D, K = sizes
    moved = (Q + N) * -(-D // 8) * itemsize + Q * K * RESULT
    return Cost(moved, 3 * Q * N * -(-D // WORD))
