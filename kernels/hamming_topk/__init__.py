"""The nearest codes of a bit-packed codebook, by the number of bits that differ."""

from operator import index as as_int
from typing import NamedTuple

import torch
from torch import Tensor

from marslab.kernels.backends import choose
from marslab.kernels.checks import is_tensor, on_one_device, shaped
from marslab.kernels.hamming_topk import naive, torch_ops
from marslab.kernels.hamming_topk.bits import pack_bits, unpack_bits

__all__ = ["TopK", "hamming_topk", "pack_bits", "unpack_bits"]

BACKENDS = ("naive", "torch", "numba")


class TopK(NamedTuple):
    """The nearest codes, the nearest first.

    Shapes (Q queries):
        distance: [Q, k] int32, how many bits differ
        index: [Q, k] int64, the row of the codebook
    """

    distance: Tensor
    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]


def hamming_topk(query: Tensor, codebook: Tensor, k: int, *, backend: str = "auto") -> TopK:
    """Find for each query the k codes from which it differs in the fewest bits.

    Ascending; of codes at the same distance the one with the smaller index comes first. Bits
    beyond D in the last byte are zeros in what `pack_bits` gives, and so never differ. Nothing
    here has a gradient.

    Shapes (Q queries, N codes, D bits):
        query: [Q, ceil(D / 8)] uint8, rows as `pack_bits` makes them
        codebook: [N, ceil(D / 8)] uint8
        returns: TopK(distance [Q, k], index [Q, k])

    Errors:
        TypeError: not a tensor of uint8, or k is no whole number
        ValueError: shapes or devices differ, k is not in [0, N], or `backend` cannot run here

    Source:
        Kanerva 2009, "Hyperdimensional computing" (clean-up memory).

    >>> import torch
    >>> codebook = pack_bits(torch.tensor([[1, 1, 1], [0, 0, 1], [1, 0, 1]]) > 0)
    >>> nearest = hamming_topk(codebook[:1], codebook, 2)
    >>> nearest.distance.tolist(), nearest.index.tolist()
    ([[0, 1]], [[0, 2]])
    """
    for name, x in (("query", query), ("codebook", codebook)):
        is_tensor("hamming_topk", name, x, only=(torch.uint8,), because="(see pack_bits)")
    shaped("hamming_topk", "query", query, "[Q, bytes]", (None, None))
    shaped("hamming_topk", "codebook", codebook, "[N, bytes]", (None, None))
    if codebook.shape[1] != query.shape[1]:
        raise ValueError(
            "hamming_topk: query and codebook must have rows of one length,"
            f" got {query.shape[1]} and {codebook.shape[1]} bytes"
        )
    on_one_device("hamming_topk", query=query, codebook=codebook)
    k = _count(k, codebook.shape[0])
    return TopK(*_run(choose("hamming_topk", backend, query.device, BACKENDS), query, codebook, k))


def _count(k: int, most: int) -> int:
    try:
        k = as_int(k)
    except TypeError:
        raise TypeError(f"hamming_topk: k must be an int, got {type(k).__name__}") from None
    if not 0 <= k <= most:
        raise ValueError(f"hamming_topk: k must be from 0 to the {most} codes there are, got {k}")
    return k


def _run(name: str, query: Tensor, codebook: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if name == "naive":
        return naive.hamming_topk(query, codebook, k)
    if name == "torch":
        return torch_ops.hamming_topk(query, codebook, k)
    from marslab.kernels.hamming_topk import cpu

    return cpu.hamming_topk(query, codebook, k)
