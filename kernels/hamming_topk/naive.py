"""The definition: one query at a time, its bits compared with those of every code."""

import torch
from torch import Tensor

from marslab.kernels.hamming_topk.bits import unpack_bits


def hamming_topk(query: Tensor, codebook: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k smallest distances [Q, k], int32, and the indices of those codes, int64."""
    bits = 8 * codebook.shape[1]
    codes = unpack_bits(codebook, bits)
    distance = query.new_empty((query.shape[0], k), dtype=torch.int32)
    index = query.new_empty((query.shape[0], k), dtype=torch.int64)
    for row, one in enumerate(unpack_bits(query, bits)):
        differing = (one != codes).sum(1, dtype=torch.int32)
        ascending, order = differing.sort(stable=True)  # stable: ties to the smaller index
        distance[row], index[row] = ascending[:k], order[:k]
    return distance, index
