"""The definition: the weights one column after the other, each times its number of x."""

from torch import Tensor

from marslab.kernels.checks import state_dtype
from marslab.kernels.ternary_matmul.packing import weights


def product(x: Tensor, packed: Tensor, packing: str) -> Tensor:
    """Return x @ W^T [M, N] for x [M, K], in the dtype in which sums are taken."""
    dtype = state_dtype(x.dtype)
    W = weights(packed, x.shape[1], packing).to(dtype)
    y = x.new_zeros((x.shape[0], W.shape[0]), dtype=dtype)
    for x_k, W_k in zip(x.to(dtype).unbind(1), W.unbind(1), strict=True):
        y = y + x_k[:, None] * W_k
    return y
