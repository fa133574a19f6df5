"""numba: rows as 64-bit words, exclusive or and the processor's bit count; then a counting sort.

Tasks are tiles of some queries by some codes, so that a code is fetched once for several queries,
and one query alone still keeps every thread busy. Distances are whole numbers up to the number of
bits, so that counting them sorts them: linear in codes and bits whatever k, and codes at the same
distance stay in order.
"""

import numba
import numpy as np
import torch
from numba.extending import intrinsic
from torch import Tensor

from marslab.kernels.threads import entry

WORD = 8  # bytes
QUERIES, CODES = 8, 256  # of one task
MOST_CELLS = 2**24  # distances that are held at once, where one query has no more


@intrinsic
def _count(typing_context, word):
    """How many bits of a word are set."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return word(word), generate


@numba.njit(cache=True, parallel=True)
def _distances(query, codebook, out):  # [Q, words], [N, words] -> [Q, N]
    Q, N = out.shape
    across = (N + CODES - 1) // CODES
    for task in numba.prange((Q + QUERIES - 1) // QUERIES * across):
        first, low = task // across * QUERIES, task % across * CODES
        for n in range(low, min(low + CODES, N)):
            code = codebook[n]
            for q in range(first, min(first + QUERIES, Q)):
                one = query[q]
                total = np.uint64(0)
                for w in range(code.size):
                    total += _count(one[w] ^ code[w])  # pyright: ignore[reportCallIssue]
                out[q, n] = total


@numba.njit(cache=True, parallel=True)
def _smallest(found, bits, k, distance, index):  # [Q, N] -> [Q, k] twice
    for q in numba.prange(found.shape[0]):
        row = found[q]
        place = np.zeros(bits + 2, np.int64)  # place[d]: where the next code at distance d goes
        for n in range(row.size):
            place[row[n] + 1] += 1
        for d in range(bits):
            place[d + 1] += place[d]
        for n in range(row.size):
            at = place[row[n]]
            if at < k:
                distance[q, at], index[q, at] = row[n], n
            place[row[n]] = at + 1


def _words(rows: Tensor) -> np.ndarray:
    """Rows [n, bytes] as 64-bit words, filled up with zeros where they are no whole number.

    Rows that start at no multiple of 8 are copied too: numba would compile a kernel for them.
    """
    x = rows.contiguous().numpy()
    if x.shape[1] % WORD == 0 and x.ctypes.data % WORD == 0:
        return x.view(np.uint64)
    whole = np.zeros((x.shape[0], -(-x.shape[1] // WORD)), np.uint64)
    whole.view(np.uint8)[:, : x.shape[1]] = x
    return whole


@torch.library.custom_op("marslab::hamming_topk_numba", mutates_args=())
def forward(query: Tensor, codebook: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(query, codebook, k) -> (distance, index)."""
    Q, N = query.shape[0], codebook.shape[0]
    distance = torch.empty((Q, k), dtype=torch.int32)
    index = torch.empty((Q, k), dtype=torch.int64)
    queries, codes = _words(query), _words(codebook)
    at_once = max(QUERIES, MOST_CELLS // max(N, 1))
    found = np.empty((min(Q, at_once), N), np.int32)
    for low in range(0, Q, at_once):
        some = slice(low, low + at_once)
        part = found[: queries[some].shape[0]]
        with entry(part.size * codes.shape[1]):
            _distances(queries[some], codes, part)
            _smallest(part, 8 * query.shape[1], k, distance[some].numpy(), index[some].numpy())
    return distance, index


@forward.register_fake
def _(query, codebook, k):
    Q = query.shape[0]
    return query.new_empty((Q, k), dtype=torch.int32), query.new_empty((Q, k), dtype=torch.int64)


def hamming_topk(query: Tensor, codebook: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k smallest distances [Q, k], int32, and the indices of those codes, int64."""
    return forward(query, codebook, k)
