"""A matrix product counts the bits: of 0s and 1s, those that both rows have set.

    bits that differ = bits of one + bits of the other - 2 (bits of both)

Products and sums are whole numbers, exact in floating point as far as it counts. Rows are unpacked
a few at a time, so that memory stays bounded whatever the size of the codebook.
"""

import torch
from torch import Tensor

from marslab.kernels.hamming_topk.bits import unpack_bits

UNPACKED = 2**23  # bits that are held as numbers at once
EXACT = 2**24  # whole numbers up to here are exact in float32, beyond up to 2**53 in float64


def hamming_topk(query: Tensor, codebook: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k smallest distances [Q, k], int32, and the indices of those codes, int64."""
    count, width = codebook.shape
    if count == 0:
        none = query.new_empty((query.shape[0], 0), dtype=torch.int64)
        return none.int(), none
    codes = max(1, UNPACKED // max(8 * width, 1))
    queries = max(1, min(codes, UNPACKED // count))
    distances, indices = [], []
    for some in query.split(queries):
        found = torch.cat([_distances(some, part) for part in codebook.split(codes)], 1)
        # One number that sorts by distance first and by index then: no two are equal.
        key = found * count + torch.arange(count, device=query.device)
        least = key.topk(k, dim=1, largest=False).values
        distances.append((least // count).to(torch.int32))
        indices.append(least % count)
    return torch.cat(distances), torch.cat(indices)


def _distances(query: Tensor, codes: Tensor) -> Tensor:
    """How many bits differ, [Q, N] int64."""
    bits = 8 * query.shape[1]
    dtype = torch.float32 if bits <= EXACT else torch.float64
    q, c = (unpack_bits(x, bits).to(dtype) for x in (query, codes))
    return (q.sum(1)[:, None] + c.sum(1) - 2 * (q @ c.T)).long()
