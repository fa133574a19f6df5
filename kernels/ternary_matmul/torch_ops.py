"""Unpack some rows of W, multiply, go on: without gradients W is never there as a whole."""

import torch
from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.ternary_matmul.packing import weights

UNPACKED = 2**22  # weights that are held as numbers at once


def product(x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """Return x @ W^T [M, N] for x [M, K], in the dtype in which sums are taken."""
    K = x.shape[1]
    x = x.to(state_dtype(x.dtype))
    blocks = packed.split(max(1, UNPACKED // max(K, 1)))
    return torch.cat([x @ weights(rows, K, packing).to(x.dtype).T for rows in blocks], 1)
