"""numba: few rows of x meet the bytes of W directly, many meet W unpacked some rows at a time.

One row of x is bound by how fast bytes are told apart: for eight of them (a register of float32)
one load, and per place two shifts, a conversion and a multiply-add. A place of the row of bytes
meets a stretch of x (see packing.py), so that everything is read in order.
"""

import numba
import numpy as np
import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.ternary_matmul import autograd
from marslab.kernels.ternary_matmul.packing import PLACES
from marslab.kernels.threads import FASTMATH, entry

FEW = 8  # rows of x up to which telling the bytes apart for each is cheaper than unpacking
UNPACKED = 2**20  # weights that are held as numbers at once
INT = np.int32  # whole numbers of another width would keep the loops from vectorising


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _bits_times(x, packed, out):  # [M, 4 J], [N, J] -> [M, N]
    J = packed.shape[1]
    kind = x.dtype.type  # float32 times a whole number would be float64
    for n in numba.prange(packed.shape[0]):
        row = packed[n]
        for m in range(x.shape[0]):
            x0, x1, x2, x3 = x[m, :J], x[m, J : 2 * J], x[m, 2 * J : 3 * J], x[m, 3 * J :]
            s0, s1, s2, s3 = kind(0), kind(0), kind(0), kind(0)
            for j in range(row.size):
                byte = INT(row[j])  # the two bits of a place go to the top, and come back signed
                s0 += x0[j] * kind(INT(byte << INT(30)) >> INT(30))
                s1 += x1[j] * kind(INT(byte << INT(28)) >> INT(30))
                s2 += x2[j] * kind(INT(byte << INT(26)) >> INT(30))
                s3 += x3[j] * kind(INT(byte << INT(24)) >> INT(30))
            out[m, n] = (s0 + s1) + (s2 + s3)


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _trits_times(x, packed, out):  # [M, 5 J], [N, J] -> [M, N]
    J = packed.shape[1]
    kind = x.dtype.type
    third, half = kind(1 / 3), kind(1 / 6)  # (n + 1/2) / 3: no rounding reaches a whole number
    for n in numba.prange(packed.shape[0]):
        row = packed[n]
        for m in range(x.shape[0]):
            x0, x1, x2 = x[m, :J], x[m, J : 2 * J], x[m, 2 * J : 3 * J]
            x3, x4 = x[m, 3 * J : 4 * J], x[m, 4 * J :]
            s0, s1, s2, s3, s4 = kind(0), kind(0), kind(0), kind(0), kind(0)
            for j in range(row.size):
                p = kind(row[j])
                q = kind(INT(p * third + half))
                s0 += x0[j] * (p - kind(3) * q - kind(1))
                p = kind(INT(q * third + half))
                s1 += x1[j] * (q - kind(3) * p - kind(1))
                q = kind(INT(p * third + half))
                s2 += x2[j] * (p - kind(3) * q - kind(1))
                p = kind(INT(q * third + half))
                s3 += x3[j] * (q - kind(3) * p - kind(1))
                s4 += x4[j] * (p - kind(1))
            out[m, n] = (s0 + s1) + (s2 + s3) + s4


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _bits(packed, out):  # [N, J] -> [N, 4 J]
    J = packed.shape[1]
    for n in numba.prange(packed.shape[0]):
        row = packed[n]
        for i in range(4):
            to, up = out[n, i * J : (i + 1) * J], INT(30 - 2 * i)
            for j in range(row.size):
                to[j] = INT(INT(row[j]) << up) >> INT(30)


@numba.njit(cache=True, parallel=True, fastmath=FASTMATH)
def _trits(packed, out):  # [N, J] -> [N, 5 J]
    J = packed.shape[1]
    kind = out.dtype.type
    third, half = kind(1 / 3), kind(1 / 6)
    for n in numba.prange(packed.shape[0]):
        row = packed[n]
        rest = row.astype(out.dtype)
        for i in range(5):
            to = out[n, i * J : (i + 1) * J]
            for j in range(row.size):
                above = kind(INT(rest[j] * third + half))
                to[j] = rest[j] - kind(3) * above - kind(1)
                rest[j] = above


def _unpacked(packed: np.ndarray, like: Tensor, packing: str) -> Tensor:
    """The weights of some rows as numbers, [rows, places * J]."""
    out = like.new_empty((packed.shape[0], PLACES[packing] * packed.shape[1]))
    with entry(out.numel()):
        (_bits if packing == "2bit" else _trits)(packed, out.numpy())
    return out


def _blocks(packed: Tensor, packing: str) -> list[slice]:
    N, J = packed.shape
    rows = max(1, UNPACKED // max(PLACES[packing] * J, 1))
    return [slice(low, min(low + rows, N)) for low in range(0, N, rows)]


def _times(x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """x [M, K] -> x W^T [M, N]."""
    filled = torch.nn.functional.pad(x, (0, PLACES[packing] * packed.shape[1] - x.shape[1]))
    out = x.new_empty((x.shape[0], packed.shape[0]))
    rows = packed.contiguous().numpy()
    if x.shape[0] <= FEW:
        with entry(rows.size):
            run = _bits_times if packing == "2bit" else _trits_times
            run(filled.contiguous().numpy(), rows, out.numpy())
        return out
    for some in _blocks(packed, packing):
        out[:, some] = filled @ _unpacked(rows[some], x, packing).T
    return out


def _times_across(x: Tensor, packed: Tensor, K: int, packing: str) -> Tensor:
    """x [M, N] -> x W [M, K]."""
    out = x.new_zeros((x.shape[0], PLACES[packing] * packed.shape[1]))
    rows = packed.contiguous().numpy()
    for some in _blocks(packed, packing):
        out.addmm_(x[:, some], _unpacked(rows[some], x, packing))
    return out[:, :K].contiguous()


@torch.library.custom_op("marslab::ternary_product_numba", mutates_args=())
def kernel(x: Tensor, packed: Tensor, K: int, packing: str, across: bool) -> Tensor:
    """(x, packed, K, packing, across) -> x W^T, or with `across` x W."""
    x = x.to(state_dtype(x.dtype))
    return _times_across(x, packed, K, packing) if across else _times(x, packed, packing)


@kernel.register_fake
def _(x, packed, K, packing, across):
    return x.new_empty((x.shape[0], K if across else packed.shape[0]), dtype=state_dtype(x.dtype))


autograd.KERNELS["numba"] = kernel


def product(x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """Return x @ W^T [M, N] for x [M, K], in the dtype in which sums are taken."""
    return autograd.product("numba", x, packed, packing)
